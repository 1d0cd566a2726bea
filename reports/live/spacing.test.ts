import { expect, it } from 'vitest';
import { Spacing } from './spacing.ts';

let nowMs = 0;
let spentMs = 0;
const clocks = { now: () => nowMs, spent: () => spentMs };
const costs = (ms: number) => () => {
  spentMs += ms;
  return ms;
};

/** Of so many seconds, those in which the work was done. */
function timesOf(spacing: Spacing, seconds: number, ms: number): number[] {
  return Array.from({ length: seconds }, (_, second) => second).filter((second) => {
    nowMs = second * 1_000;
    return spacing.ask(costs(ms), clocks) !== undefined;
  });
}

it('does what takes long less often, after a while in which it may be slow', () => {
  expect(timesOf(new Spacing(0.01, 0), 1_000, 9)).toHaveLength(1_000);
  const slow = timesOf(new Spacing(0.01, 0), 1_000, 40);
  expect(slow.slice(0, 9)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  expect(slow.length).toBeLessThan(10 + 1_000 / 4);
});

it('keeps a distance, unless what was done is of no use any more', () => {
  const spacing = new Spacing(0.01, 5_000);
  expect(timesOf(spacing, 12, 1)).toEqual([0, 5, 10]);
  spacing.forget();
  expect(spacing.ask(costs(1), clocks)).toBe(1);
});
