import { describe, expect, it } from 'vitest';
import { stageValueAt } from './stage-value.ts';

const stages = [
  { fromRate: 0, toRate: 100, durationMs: 1000 },
  { fromRate: 100, toRate: 100, durationMs: 500 },
  { fromRate: 40, toRate: 20, durationMs: 1000 },
  { fromRate: 20, toRate: 5, durationMs: 0 },
];

describe('a quantity in stages', () => {
  it.each([
    [-1, 0],
    [0, 0],
    [250, 25],
    [1000, 100],
    [1499, 100],
    [1500, 40],
    [2000, 30],
    [2499.999, 20],
    [2500, 5],
    [9999, 5],
  ])('at %d ms is %d', (ms, value) => {
    expect(stageValueAt(stages, ms)).toBeCloseTo(value, 3);
  });

  it('is 0 without stages', () => {
    expect(stageValueAt([], 10)).toBe(0);
  });
});
