import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateCurve } from './rate-curve.ts';

/** Silence, or one event in twelve days to 100,000 a second. */
const rate = fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1e5, noNaN: true }));
const stages = fc.array(fc.record({ fromRate: rate, toRate: rate, durationMs: fc.integer({ min: 0, max: 600_000 }) }), {
  minLength: 1,
  maxLength: 5,
});

describe('a rate curve', () => {
  it('inverts its integral exactly', () => {
    fc.assert(
      fc.property(stages, fc.double({ min: 0, max: 1, noNaN: true }), (list, share) => {
        const curve = createRateCurve(list);
        const events = curve.total * share;
        const time = curve.timeOf(events);
        expect(time).toBeLessThanOrEqual(curve.durationMs);
        expect(Math.abs(curve.eventsUntil(time) - events)).toBeLessThanOrEqual(1e-7 * Math.max(1, curve.total));
      }),
    );
  });

  it('is monotonic, whatever the order of asking', () => {
    fc.assert(
      fc.property(stages, (list) => {
        const curve = createRateCurve(list);
        const ascending = Array.from({ length: 50 }, (_, i) => curve.timeOf((curve.total * i) / 49));
        expect(ascending.every((time, i) => i === 0 || time >= ascending[i - 1]!)).toBe(true);
        const descending = ascending.map((_, i) => curve.timeOf((curve.total * (49 - i)) / 49)).reverse();
        expect(descending).toEqual(ascending);
      }),
    );
  });

  it('knows the ramp from 0 to 100/s in 10 s: 500 events, half of them by 7.07 s', () => {
    const curve = createRateCurve([{ fromRate: 0, toRate: 100, durationMs: 10_000 }]);
    expect(curve.total).toBe(500);
    expect(curve.timeOf(250)).toBeCloseTo(10_000 * Math.SQRT1_2, 6);
    expect(curve.rateAt(5000)).toBe(50);
    expect(curve.rateAt(10_000)).toBe(0);
    expect(curve.timeOf(500.001)).toBe(Number.POSITIVE_INFINITY);
  });

  it('waits out a stage without events', () => {
    const silence = { fromRate: 0, toRate: 0, durationMs: 5000 };
    const curve = createRateCurve([silence, { fromRate: 10, toRate: 10, durationMs: 1000 }, silence]);
    expect(curve.timeOf(0.5)).toBe(5050);
    expect(curve.timeOf(10)).toBe(6000);
  });

  it('refuses what is not a rate', () => {
    expect(() => createRateCurve([{ fromRate: -1, toRate: 1, durationMs: 1 }])).toThrow(
      'fromRate of 0 or more, not -1',
    );
    expect(() => createRateCurve([{ fromRate: 1, toRate: Number.NaN, durationMs: 1 }])).toThrow('toRate');
  });
});
