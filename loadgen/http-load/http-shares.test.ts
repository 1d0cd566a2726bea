import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { apportion, divideCalls, type Place } from './http-shares.ts';

function places(...weights: number[]): Place[] {
  return weights.map((weight, index) => ({ origin: `http://127.0.0.1:${4600 + index}`, weight }));
}

describe('whole shares', () => {
  it.each<[number, number[], number[]]>([
    [10, [1, 1], [5, 5]],
    [10, [1, 1, 1], [4, 3, 3]],
    [1, [1, 2], [0, 1]],
    [5, [0, 3], [0, 5]],
    [5, [0, 0], [0, 0]],
    [0, [1], [0]],
    [3, [], []],
  ])('%d over %j', (total, weights, shares) => {
    expect(apportion(total, weights)).toEqual(shares);
  });

  it('sum to the whole and are within one of the exact share', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.array(fc.nat(1000), { minLength: 1, maxLength: 40 }), (total, weights) => {
        const sum = weights.reduce((a, b) => a + b, 0);
        fc.pre(sum > 0);
        const shares = apportion(total, weights);
        expect(shares.reduce((a, b) => a + b, 0)).toBe(total);
        shares.forEach((share, index) => {
          expect(Math.abs(share - (total * weights[index]!) / sum)).toBeLessThan(1 + 1e-6);
        });
      }),
    );
  });
});

describe('connections', () => {
  it.each<[number, number, number[], Array<[number, number]>]>([
    [
      100,
      4,
      [1, 1],
      [
        [0, 25],
        [0, 25],
        [1, 25],
        [1, 25],
      ],
    ],
    [
      3,
      10,
      [1],
      [
        [0, 1],
        [0, 1],
        [0, 1],
      ],
    ],
    [
      10,
      1,
      [1, 1],
      [
        [0, 5],
        [1, 5],
      ],
    ],
    [1, 10, [1, 1], [[0, 1]]],
    [
      10,
      4,
      [0, 1],
      [
        [1, 3],
        [1, 3],
        [1, 2],
        [1, 2],
      ],
    ],
  ])('%d calls/s over %d, weights %j', (rate, connections, weights, shares) => {
    expect(divideCalls(rate, connections, places(...weights)).map(({ place, rate }) => [place, rate])).toEqual(shares);
  });

  it('make all calls, none less than one a second, and each place that is called has one', () => {
    const weights = fc.array(fc.nat(100), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 300 }), weights, (rate, most, each) => {
        fc.pre(each.some((weight) => weight > 0));
        const shares = divideCalls(rate, most, places(...each));
        expect(shares.reduce((sum, share) => sum + share.rate, 0)).toBe(rate);
        expect(Math.min(...shares.map((share) => share.rate))).toBeGreaterThanOrEqual(1);
        expect(shares.length).toBeLessThanOrEqual(most + each.length);
        const called = apportion(rate, each).flatMap((calls, place) => (calls > 0 ? [place] : []));
        expect([...new Set(shares.map(({ place }) => place))]).toEqual(called);
      }),
    );
  });
});
