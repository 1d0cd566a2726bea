import { expect, test } from 'vitest';
import { UnsettledSends } from './unsettled-sends.ts';

test('a cumulative receipt settles what it covers, of that peer only, once', () => {
  const sends = new UnsettledSends();
  for (const [id, peer] of [
    [10, 'b'],
    [11, 'c'],
    [12, 'b'],
    [13, 'b'],
  ] as const)
    sends.add(id, peer);
  for (const [id, seq] of [
    [10, 1],
    [11, 2],
    [12, 5],
    [13, 6],
  ] as const)
    expect(sends.acknowledged(id, seq)).toBe('waiting');
  expect(sends.delivered('b', 5)).toEqual([10, 12]);
  expect(sends.delivered('b', 5)).toEqual([]);
  expect(sends.delivered('c', 1)).toEqual([]);
  expect(sends.delivered('b', 9)).toEqual([13]);
  expect(sends.delivered('c', 2)).toEqual([11]);
  expect(sends.size).toBe(0);
});

test('a receipt that overtakes its sent counts', () => {
  const sends = new UnsettledSends();
  sends.add(1, 'b');
  sends.add(2, 'b');
  expect(sends.delivered('b', 4)).toEqual([]);
  expect(sends.acknowledged(1, 4)).toBe('delivered');
  expect(sends.acknowledged(2, 5)).toBe('waiting');
  expect(sends.delivered('b', 5)).toEqual([2]);
});

test('repeats count once while unsettled; failed and unknown ids leave nothing', () => {
  const sends = new UnsettledSends();
  sends.add(1, 'b');
  sends.add(1, 'b');
  expect(sends.size).toBe(1);
  sends.failed(1);
  sends.failed(7);
  expect(sends.acknowledged(7, 1)).toBe(null);
  expect(sends.size).toBe(0);
});

test('what is stored is told once, stays unsettled, and is delivered later', () => {
  const sends = new UnsettledSends();
  for (const id of [1, 2, 3]) sends.add(id, 'b');
  sends.acknowledged(1, 1);
  expect(sends.stored('b', 2)).toEqual([1]);
  expect(sends.stored('b', 2)).toEqual([]);
  expect(sends.stored('c', 9)).toEqual([]);
  expect(sends.acknowledged(2, 2)).toBe('stored');
  expect(sends.acknowledged(3, 3)).toBe('waiting');
  sends.add(1, 'b');
  expect(sends.size).toBe(3);
  expect(sends.delivered('b', 3)).toEqual([1, 2, 3]);
  expect(sends.size).toBe(0);
});

test('of two receipts that overtake their sent, delivered says more', () => {
  const sends = new UnsettledSends();
  sends.add(1, 'b');
  expect([sends.stored('b', 3), sends.delivered('b', 3)]).toEqual([[], []]);
  expect(sends.acknowledged(1, 3)).toBe('delivered');
  expect(sends.size).toBe(0);
});

test('what is acknowledged can be taken to another connection', () => {
  const sends = new UnsettledSends();
  for (const [id, peer] of [
    [1, 'b'],
    [2, 'c'],
    [3, 'b'],
    [4, 'd'],
  ] as const)
    sends.add(id, peer);
  for (const [id, seq] of [
    [1, 1],
    [2, 2],
    [3, 3],
  ] as const)
    sends.acknowledged(id, seq);
  sends.stored('c', 2);
  sends.forgetUnacknowledged();
  expect(sends.peersOf().sort()).toEqual(['b', 'c']);
  expect([sends.peersOf([1]), sends.peersOf([2, 4])]).toEqual([['b'], ['c']]);
  sends.add(4, 'd');
  expect(sends.size).toBe(4);
  expect([sends.delivered('b', 3), sends.delivered('c', 2)]).toEqual([[1, 3], [2]]);
});
