import { describe, expect, it } from 'vitest';
import { ceilingOf, isOver, type StairSecond, stairRates } from './stairs.ts';

function second(rate: number, changes: Partial<StairSecond> = {}): StairSecond {
  return { atMs: 0, sent: rate, delivered: rate, dropped: 0, slipP99Ms: 2, ...changes };
}

describe('the stairs', () => {
  it('double every four seconds', () => {
    expect(stairRates(1_000, 9)).toEqual([1000, 1189, 1414, 1682, 2000, 2378, 2828, 3364, 4000]);
  });

  it('take the best second that was on time, with the one after it, for the ceiling', () => {
    const seconds = [second(1_000), second(2_000), second(3_000), second(4_000, { slipP99Ms: 80 }), second(5_000)];
    expect(ceilingOf(seconds)).toBe(2_000);
    expect(ceilingOf([])).toBe(0);
    expect(ceilingOf([second(1_000)])).toBe(0);
  });

  it('do not count what has not arrived, nor a second in which something was dropped', () => {
    const seconds = [second(2_000, { delivered: 1_500 }), second(4_000), second(5_000, { dropped: 1 })];
    expect(ceilingOf(seconds)).toBe(1_500);
  });

  it('end after three late seconds in a row, not after two', () => {
    const late = second(4_000, { slipP99Ms: 500 });
    expect(isOver([second(1_000), late])).toBe(false);
    expect(isOver([late, late, second(1_000), late])).toBe(false);
    expect(isOver([second(1_000), late, late, late])).toBe(true);
  });
});
