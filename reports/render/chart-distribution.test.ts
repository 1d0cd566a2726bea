import { expect, it } from 'vitest';
import { distributionAxis, distributionColumn, percentileOf } from './chart-distribution.ts';

/** 90 samples of 1 ms, 9 of 2 ms, 1 of 50 ms. */
const known = {
  metric: 'delivery_latency',
  phase: 'steady',
  count: 100,
  maxMs: 49.7,
  values: [1, 2, 50],
  counts: [90, 9, 1],
} as const;
const distribution = { ...known, values: [...known.values], counts: [...known.counts] };

it('finds the sample of a given rank', () => {
  expect([0, 0.5, 0.9, 0.901, 0.99, 0.991, 1].map((share) => percentileOf(distribution, share))).toEqual([
    1, 1, 1, 2, 2, 49.7, 49.7,
  ]);
  expect(percentileOf({ ...distribution, count: 0, values: [], counts: [] }, 0.5)).toBeNaN();
});

it('ends at the maximum, and says nothing of percentiles that so few samples can’t tell', () => {
  const axis = distributionAxis(10_000);
  const column = distributionColumn(axis, distribution);
  expect(axis[0]).toBe(1);
  expect(axis.at(-1)).toBe(20_000);
  expect(column[0]).toBe(1);
  expect(column.findLast((value) => value !== null)).toBe(49.7);
  expect(column.at(-1)).toBeNull();
});
