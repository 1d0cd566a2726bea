import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { sampleOthers } from './distinct-sample.ts';

const ascending = (values: number[]) => values.every((value, i) => i === 0 || value > values[i - 1]!);

describe('a sample of others', () => {
  it('is ascending, distinct, of the size asked for, with the one in it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.nat(), fc.nat(), fc.integer(), (users, at, some, seed) => {
        const one = at % users;
        const count = some % users;
        const sample = sampleOthers(one, count, users, createRandom(seed));
        expect(sample).toHaveLength(count + 1);
        expect(ascending(sample)).toBe(true);
        expect(sample).toContain(one);
        expect(sample[0]! >= 0 && sample.at(-1)! < users).toBe(true);
      }),
    );
  });

  it.each([
    [1, 'few are drawn'],
    [2, 'half'],
    [3, 'those left out are drawn'],
    [4, 'one is left out'],
  ])('of %d of 5 takes every set equally often: %s', (count) => {
    const random = createRandom(8);
    const seen = new Map<string, number>();
    const sets = [5, 10, 10, 5][count - 1]!;
    for (let i = 0; i < 1000 * sets; i++) {
      const sample = sampleOthers(2, count, 6, random).join('');
      seen.set(sample, (seen.get(sample) ?? 0) + 1);
    }
    expect(seen.size).toBe(sets);
    for (const times of seen.values()) expect(Math.abs(times - 1000)).toBeLessThan(130);
  });

  it.each([
    [0, 7, [3]],
    [6, 7, [0, 1, 2, 3, 4, 5, 6]],
    [0, 4, [3]],
  ])('of %d of %d users around user 3', (count, users, expected) => {
    expect(sampleOthers(3, count, users, createRandom(1))).toEqual(expected);
  });
});
