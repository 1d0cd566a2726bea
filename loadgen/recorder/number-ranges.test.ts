import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addNumber, countNumbers, intersect, type NumberRanges, removeNumber, subtract } from './number-ranges.ts';

const numbers = fc.array(fc.integer({ min: 1, max: 40 }));

function rangesOf(list: Iterable<number>): NumberRanges {
  const ranges: NumberRanges = [];
  for (const n of list) addNumber(ranges, n);
  return ranges;
}

function toSet(ranges: NumberRanges): Set<number> {
  const set = new Set<number>();
  for (let i = 0; i < ranges.length; i += 2) {
    expect(ranges[i]!).toBeLessThanOrEqual(ranges[i + 1]!);
    for (let n = ranges[i]!; n <= ranges[i + 1]!; n++) set.add(n);
  }
  return set;
}

const sorted = (set: Set<number>) => [...set].sort((a, b) => a - b);

test('adding and removing, as a set does', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ add: fc.boolean(), n: fc.integer({ min: 1, max: 20 }) })), (steps) => {
      const ranges: NumberRanges = [];
      const set = new Set<number>();
      for (const { add, n } of steps) {
        expect(add ? addNumber(ranges, n) : removeNumber(ranges, n)).toBe(add ? !set.has(n) : set.has(n));
        if (add) set.add(n);
        else set.delete(n);
        expect([...toSet(ranges)]).toEqual(sorted(set));
        expect(countNumbers(ranges)).toBe(set.size);
        for (let i = 2; i < ranges.length; i += 2) expect(ranges[i]!).toBeGreaterThan(ranges[i - 1]! + 1);
      }
    }),
  );
});

test('intersection and difference, as sets have', () => {
  fc.assert(
    fc.property(numbers, numbers, (a, b) => {
      expect([...toSet(intersect(rangesOf(a), rangesOf(b)))]).toEqual(sorted(new Set(a.filter((n) => b.includes(n)))));
      expect([...toSet(subtract(rangesOf(a), rangesOf(b)))]).toEqual(sorted(new Set(a.filter((n) => !b.includes(n)))));
    }),
  );
});
