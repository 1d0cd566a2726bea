import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segmentOf } from '../coordinator/segments.ts';
import { partnerOf, userName, writerTo } from './partners.ts';

const population = fc.integer({ min: 2, max: 3000 });

describe('partners', () => {
  it('give everyone one to write to and one to hear from, never themselves', () => {
    fc.assert(
      fc.property(population, (users) => {
        const all = Array.from({ length: users }, (_, i) => i);
        const partners = all.map((i) => partnerOf(i, users));
        expect(new Set(partners).size).toBe(users);
        expect(all.every((i) => partners[i] !== i && writerTo(partners[i]!, users) === i)).toBe(true);
      }),
    );
  });

  it('are mutual, but for a ring of three where the number is odd', () => {
    fc.assert(
      fc.property(population, (users) => {
        const oneSided = Array.from({ length: users }, (_, i) => i).filter(
          (i) => partnerOf(partnerOf(i, users), users) !== i,
        );
        expect(oneSided).toHaveLength(users % 2 === 0 ? 0 : 3);
      }),
    );
  });

  it('are never in one agent for even numbers, and in at most one case for odd ones', () => {
    fc.assert(
      fc.property(population, fc.integer({ min: 2, max: 12 }), (users, agents) => {
        fc.pre(users >= 2 * agents);
        const together = Array.from({ length: users }, (_, i) => i).filter(
          (i) => segmentOf(i, users, agents) === segmentOf(partnerOf(i, users), users, agents),
        );
        expect(together.length).toBeLessThanOrEqual(users % 2);
      }),
    );
  });

  it('need two users', () => {
    expect(partnerOf(0, 2)).toBe(1);
    expect([0, 1, 2].map((i) => partnerOf(i, 3))).toEqual([1, 2, 0]);
    expect(() => partnerOf(0, 1)).toThrow('a conversation needs at least 2 users, not 1');
    expect(() => partnerOf(5, 5)).toThrow('there is no user 5 of 5');
  });
});

it('names users by number', () => {
  expect(userName(0)).toBe('u0');
  expect(userName(49_999)).toBe('u49999');
});
