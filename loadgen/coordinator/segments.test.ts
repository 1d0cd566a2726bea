import fc from 'fast-check';
import { expect, it } from 'vitest';
import { allSegments, segmentCount, segmentOf, segmentRange, segmentRate } from './segments.ts';

const total = fc.integer({ min: 0, max: 1e12 });
const agents = fc.integer({ min: 1, max: 200 });

it('cuts a whole into adjoining ranges, none lost, none twice, sizes at most one apart', () => {
  fc.assert(
    fc.property(total, agents, (users, of) => {
      const ranges = allSegments(of).map((segment) => segmentRange(users, segment));
      expect(ranges[0]!.first).toBe(0);
      expect(ranges.at(-1)!.end).toBe(users);
      ranges.forEach((range, i) => {
        if (i > 0) expect(range.first).toBe(ranges[i - 1]!.end);
      });
      const sizes = ranges.map((range) => range.end - range.first);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

it('stays exact where the product exceeds 2^53', () => {
  const users = Number.MAX_SAFE_INTEGER;
  const counts = allSegments(7).map((segment) => segmentCount(users, segment));
  expect(counts.reduce((sum, count) => sum + BigInt(count), 0n)).toBe(BigInt(users));
});

it('finds the segment of an index', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1e9 }),
      agents,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (users, of, at) => {
        const item = Math.floor(users * at);
        const range = segmentRange(users, { index: segmentOf(item, users, of), of });
        expect(item >= range.first && item < range.end).toBe(true);
      },
    ),
  );
});

it('shares a rate so that nothing of it is lost', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), agents, (rate, of) => {
      const units = allSegments(of).reduce((sum, segment) => sum + Math.round(segmentRate(rate, segment) * 1e6), 0);
      expect(units).toBe(Math.round(rate * 1e6));
    }),
  );
});

it('needs at least one agent', () => {
  expect(() => allSegments(0)).toThrow('a run needs at least one segment, not 0');
});
