import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { type Arrivals, createFireTimes, segmentFireTimes } from './fire-times.ts';
import { createRateCurve, type RateCurve } from './rate-curve.ts';

const ARRIVALS: Arrivals[] = ['constant', 'poisson', 'lognormal'];
const steady = (perSecond: number, seconds: number) =>
  createRateCurve([{ fromRate: perSecond, toRate: perSecond, durationMs: seconds * 1000 }]);
const ramp = createRateCurve([
  { fromRate: 0, toRate: 400, durationMs: 20_000 },
  { fromRate: 400, toRate: 400, durationMs: 10_000 },
  { fromRate: 400, toRate: 100, durationMs: 20_000 },
]);

function times(curve: RateCurve, arrivals: Arrivals, seed: number, segment = { index: 0, of: 1 }): number[] {
  const sequence = segmentFireTimes(createFireTimes(curve, arrivals, createRandom(seed)), segment);
  const result: number[] = [];
  for (let time = sequence.next(); time !== Number.POSITIVE_INFINITY; time = sequence.next()) result.push(time);
  expect(sequence.next()).toBe(Number.POSITIVE_INFINITY);
  return result;
}

/** Kolmogorov–Smirnov: the greatest distance between a sample and a distribution, times √n; 1.95 is its 99.9% point. */
function kolmogorovSmirnov(sample: number[], distribution: (x: number) => number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  const n = sorted.length;
  const distance = sorted.reduce((most, x, i) => {
    const p = distribution(x);
    return Math.max(most, p - i / n, (i + 1) / n - p);
  }, 0);
  return distance * Math.sqrt(n);
}

function gaps(list: number[]): number[] {
  return list.slice(1).map((time, i) => time - list[i]!);
}

describe.each(ARRIVALS)('%s arrivals', (arrivals) => {
  it('ascend, stay within the curve and repeat by seed', () => {
    const list = times(ramp, arrivals, 5);
    expect(list.every((time, i) => time >= (list[i - 1] ?? 0) && time <= ramp.durationMs)).toBe(true);
    expect(times(ramp, arrivals, 5)).toEqual(list);
  });

  it('follow the rate: the expected number up to every moment', () => {
    const runs = Array.from({ length: 30 }, (_, seed) => times(ramp, arrivals, seed)).flat();
    for (const until of [5000, 20_000, 30_000, 50_000]) {
      const expected = ramp.eventsUntil(until) * 30;
      // The deviation of a renewal count is √n times that of a gap: 1.31 for lognormal gaps with sigma 1.
      expect(Math.abs(runs.filter((time) => time <= until).length - expected)).toBeLessThan(
        4 * 1.31 * Math.sqrt(expected),
      );
    }
  });

  it('split into segments whose union is the whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7 }), fc.integer(), (of, seed) => {
        const whole = times(steady(50, 3), arrivals, seed);
        const parts = Array.from({ length: of }, (_, index) => times(steady(50, 3), arrivals, seed, { index, of }));
        expect(parts.flat().sort((a, b) => a - b)).toEqual(whole);
        const sizes = parts.map((part) => part.length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 30 },
    );
  });

  it('end at once where there is nothing to do', () => {
    expect(times(steady(0, 10), arrivals, 1)).toEqual([]);
    expect(times(createRateCurve([]), arrivals, 1)).toEqual([]);
  });
});

it('constant arrivals are evenly spaced, half a gap at the ends', () => {
  expect(times(steady(4, 1), 'constant', 1)).toEqual([125, 375, 625, 875]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 20 }), (perSecond, seconds) => {
      expect(times(steady(perSecond, seconds), 'constant', 1)).toHaveLength(perSecond * seconds);
    }),
    { numRuns: 20 },
  );
});

describe('poisson arrivals', () => {
  it('have exponential gaps', () => {
    const sample = gaps(times(steady(1000, 10), 'poisson', 11));
    expect(sample.length).toBeGreaterThan(9000);
    expect(kolmogorovSmirnov(sample, (x) => 1 - Math.exp(-x))).toBeLessThan(1.95);
  });

  it('fall at the times of the ramp’s own distribution', () => {
    const sample = times(ramp, 'poisson', 12);
    expect(kolmogorovSmirnov(sample, (x) => ramp.eventsUntil(x) / ramp.total)).toBeLessThan(1.95);
  });

  it('are told from constant ones by the same test', () => {
    const sample = gaps(times(steady(1000, 10), 'constant', 11));
    expect(kolmogorovSmirnov(sample, (x) => 1 - Math.exp(-x))).toBeGreaterThan(10);
  });
});

it('lognormal gaps have mean 1 in units of the rate, and a logarithm that is normal with sigma 1', () => {
  const logarithms = gaps(times(steady(1000, 20), 'lognormal', 13)).map(Math.log);
  const mean = logarithms.reduce((a, b) => a + b, 0) / logarithms.length;
  const variance = logarithms.reduce((sum, x) => sum + (x - mean) ** 2, 0) / logarithms.length;
  expect(mean).toBeCloseTo(-0.5, 1);
  expect(Math.sqrt(variance)).toBeCloseTo(1, 1);
});
