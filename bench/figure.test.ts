import { describe, expect, it } from 'vitest';
import { type Figure, isMet, ratiosOf, spreadOf, tableOf } from './figure.ts';

const figure = (target: Figure['target'], median: number): Figure => ({
  name: 'opening 50,000',
  unit: 's',
  target,
  measured: { median, min: median - 1, max: median + 1 },
});

describe('spreadOf', () => {
  it('takes the middle of an odd number of values', () => {
    expect(spreadOf([9, 1, 4])).toEqual({ median: 4, min: 1, max: 9 });
  });

  it('takes the mean of the two in the middle of an even number', () => {
    expect(spreadOf([10, 1, 4, 2])).toEqual({ median: 3, min: 1, max: 10 });
  });

  it('refuses nothing at all', () => {
    expect(() => spreadOf([])).toThrow(RangeError);
  });
});

describe('ratiosOf', () => {
  it('compares round with round, not median with median', () => {
    expect(ratiosOf([10, 60, 30], [20, 80, 100])).toEqual({ median: 0.5, min: 0.3, max: 0.75 });
  });

  it('refuses rounds without a partner', () => {
    expect(() => ratiosOf([1, 2], [1])).toThrow(RangeError);
  });
});

describe('isMet', () => {
  it('judges the median, the bound included', () => {
    expect(isMet(figure({ atLeast: 0.6 }, 0.6))).toBe(true);
    expect(isMet(figure({ atLeast: 0.6 }, 0.59))).toBe(false);
    expect(isMet(figure({ atMost: 2 }, 2))).toBe(true);
    expect(isMet(figure({ atMost: 2 }, 2.01))).toBe(false);
    expect(isMet(figure(null, 2))).toBeNull();
  });
});

describe('tableOf', () => {
  it('puts one figure on a line, and says loudly what was missed', () => {
    const figures = [figure({ atMost: 2 }, 1.5), figure({ atLeast: 0.6 }, 0.25), figure(null, 12_345)];
    expect(tableOf(figures).split('\n')).toEqual([
      'figure          target    measured  (min–max)',
      'opening 50,000  ≤ 2s      1.50s     (0.500–2.50)     met',
      'opening 50,000  ≥ 0.600s  0.250s    (-0.750–1.25)    MISSED',
      'opening 50,000  –         12,345s   (12,344–12,346)',
    ]);
  });
});
