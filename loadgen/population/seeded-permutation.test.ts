import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mixed, permuted } from './seeded-permutation.ts';

function all(size: number, key: number): number[] {
  return Array.from({ length: size }, (_, position) => permuted(position, size, key));
}

describe('a seeded permutation', () => {
  it('reaches everything once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (size, key) => {
        const places = all(size, key);
        expect(new Set(places).size).toBe(size);
        expect(places.every((place) => place >= 0 && place < size)).toBe(true);
      }),
    );
  });

  it('stays within large sizes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2 ** 31 }),
        fc.nat(),
        fc.double({ min: 0, max: 1, maxExcluded: true }),
        (size, key, share) => {
          const place = permuted(Math.floor(size * share), size, key);
          expect(Number.isSafeInteger(place) && place >= 0 && place < size).toBe(true);
        },
      ),
    );
  });

  it.each([2, 3, 7, 20, 100])('takes the first of %d evenly over the keys', (size) => {
    const keys = 2000 * size;
    const seen = new Array<number>(size).fill(0);
    for (let key = 0; key < keys; key++) seen[permuted(0, size, mixed(key, 1))]! += 1;
    const chiSquare = seen.reduce((sum, n) => sum + (n - 2000) ** 2 / 2000, 0);
    // 99.99% of χ²: mean and variance are n and 2n, and 4.5 deviations cover the skew.
    expect(chiSquare).toBeLessThan(size - 1 + 4.5 * Math.sqrt(2 * (size - 1)) + 6);
  });

  it('differs between keys', () => {
    expect(new Set([0, 1, 2, 3, 4].map((key) => all(50, key).join())).size).toBe(5);
  });
});
