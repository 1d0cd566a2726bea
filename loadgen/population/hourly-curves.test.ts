import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateCurve } from '../pacing/rate-curve.ts';
import { dayStages, HOURLY_CURVES, inTimeZones, normalisedCurve, WORLD_TIME_ZONES } from './hourly-curves.ts';

const curve = fc
  .array(fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 1e3, noNaN: true })), { minLength: 24, maxLength: 24 })
  .filter((values) => values.some((value) => value > 0));
const zones = fc.array(
  fc.record({
    utcOffset: fc.integer({ min: -48, max: 56 }).map((quarters) => quarters / 4),
    share: fc.double({ min: 0.01, max: 1, noNaN: true }),
  }),
  { minLength: 1, maxLength: 8 },
);
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** 1 in one hour, 0 in the others; times 24, so that its mean is 1. */
function spike(hour: number): number[] {
  return Array.from({ length: 24 }, (_, h) => (h === hour ? 24 : 0));
}

describe('the built-in curves', () => {
  it.each([
    ['regional', 1.8, 21, 0.22, 3],
    ['global', 1.41, 13, 0.61, 22],
  ] as const)('%s: mean 1, peak %d at %d h, lowest %d at %d h', (name, peak, peakHour, lowest, lowestHour) => {
    const built = HOURLY_CURVES[name];
    expect(built).toHaveLength(24);
    expect(sum(built)).toBeCloseTo(24, 9);
    expect(Math.max(...built)).toBeCloseTo(peak, 2);
    expect(built.indexOf(Math.max(...built))).toBe(peakHour);
    expect(Math.min(...built)).toBeCloseTo(lowest, 2);
    expect(built.indexOf(Math.min(...built))).toBe(lowestHour);
  });

  it('the world of the global one has the eight billion of 2022', () => {
    expect(sum(WORLD_TIME_ZONES.map(({ share }) => share))).toBeCloseTo(7915, 0);
  });
});

describe('a curve in time zones', () => {
  it.each([
    ['Greenwich', [{ utcOffset: 0, share: 1 }], { 12: 24 }],
    ['Berlin: noon is 11 h UTC', [{ utcOffset: 1, share: 1 }], { 11: 24 }],
    ['Honolulu: noon is 22 h UTC', [{ utcOffset: -10, share: 1 }], { 22: 24 }],
    ['Kiritimati: noon is 22 h UTC of the day before', [{ utcOffset: 14, share: 1 }], { 22: 24 }],
    ['Delhi: noon to one is 6:30 to 7:30 UTC', [{ utcOffset: 5.5, share: 1 }], { 6: 12, 7: 12 }],
    ['Newfoundland: noon to one is 15:30 to 16:30 UTC', [{ utcOffset: -3.5, share: 1 }], { 15: 12, 16: 12 }],
    ['Nepal: three quarters', [{ utcOffset: 5.75, share: 1 }], { 6: 18, 7: 6 }],
    [
      'two, one to three',
      [
        { utcOffset: 0, share: 10 },
        { utcOffset: 2, share: 30 },
      ],
      { 12: 6, 10: 18 },
    ],
  ] as const)('%s', (_, where, expected) => {
    const wanted = Array.from({ length: 24 }, (_, hour) => (expected as Record<number, number>)[hour] ?? 0);
    const got = inTimeZones(spike(12), where);
    for (const [hour, value] of wanted.entries()) expect(got[hour]).toBeCloseTo(value, 9);
  });

  it('keeps mean 1 and is never steeper than at home', () => {
    fc.assert(
      fc.property(curve, zones, (local, where) => {
        const world = inTimeZones(local, where);
        expect(sum(world)).toBeCloseTo(24, 9);
        expect(Math.max(...world)).toBeLessThanOrEqual(Math.max(...normalisedCurve(local)) * (1 + 1e-12));
        expect(Math.min(...world)).toBeGreaterThanOrEqual(Math.min(...normalisedCurve(local)) * (1 - 1e-12));
      }),
    );
  });

  it.each([
    ['an offset', [{ utcOffset: 15, share: 1 }], 'a time zone is −12 to 14 hours ahead of UTC, not 15'],
    ['an offset that is none', [{ utcOffset: Number.NaN, share: 1 }], 'not NaN'],
    ['a share', [{ utcOffset: 1, share: -1 }], 'the share of the time zone 1 must be 0 or more, not -1'],
    ['nobody', [{ utcOffset: 1, share: 0 }], 'all 0'],
    ['no zone', [], 'all 0'],
  ])('refuses %s', (_, where, message) => {
    expect(() => inTimeZones(HOURLY_CURVES.regional, where)).toThrow(message);
  });
});

describe('a normalised curve', () => {
  it('has mean 1 and the proportions it had', () => {
    fc.assert(
      fc.property(curve, (values) => {
        const normal = normalisedCurve(values);
        expect(sum(normal)).toBeCloseTo(24, 9);
        const highest = values.indexOf(Math.max(...values));
        for (const [hour, value] of values.entries())
          expect(normal[hour]! * values[highest]!).toBeCloseTo(value * normal[highest]!, 6);
      }),
    );
  });

  it.each([
    ['23 numbers', new Array(23).fill(1)],
    ['25 numbers', new Array(25).fill(1)],
    ['a negative one', [...new Array(23).fill(1), -1]],
    ['NaN', [...new Array(23).fill(1), Number.NaN]],
    ['infinity', [...new Array(23).fill(1), Number.POSITIVE_INFINITY]],
    ['only zeros', new Array(24).fill(0)],
  ])('refuses %s', (_, values) => {
    expect(() => normalisedCurve(values)).toThrow('an hourly curve has 24 numbers of 0 or more');
    expect(() => dayStages(values, 1, 1)).toThrow(RangeError);
  });
});

describe('a day replayed', () => {
  const DAY_MS = 86_400_000;

  it('in 24 minutes has the rates of the day, at half past every hour its factor', () => {
    const day = createRateCurve(dayStages(HOURLY_CURVES.regional, 100, 24 * 60_000));
    expect(day.durationMs).toBeCloseTo(24 * 60_000, 6);
    for (const [hour, factor] of HOURLY_CURVES.regional.entries())
      expect(day.rateAt((hour + 0.5) * 60_000)).toBeCloseTo(100 * factor, 6);
    expect(day.rateAt(0)).toBeCloseTo((100 * (0.92 + 0.6)) / 2, 9);
    // 100/s in the mean over 24 minutes, not the 8.64 million events of a whole day.
    expect(day.total).toBeCloseTo(100 * 24 * 60, 6);
  });

  it('has the mean asked for, whatever curve and length, starts as it ends and never exceeds its highest hour', () => {
    fc.assert(
      fc.property(
        curve,
        fc.double({ min: 0, max: 1e5, noNaN: true }),
        fc.integer({ min: 1, max: DAY_MS }),
        (c, mean, ms) => {
          const stages = dayStages(c, mean, ms);
          const day = createRateCurve(stages);
          expect(Math.abs(day.total / (day.durationMs / 1000) - mean)).toBeLessThanOrEqual(1e-9 * Math.max(mean, 1));
          expect(stages.at(-1)!.toRate).toBeCloseTo(stages[0]!.fromRate, 6);
          const most = Math.max(...normalisedCurve(c)) * mean * (1 + 1e-9);
          for (const [index, stage] of stages.entries()) {
            expect(stage.toRate).toBeLessThanOrEqual(most);
            if (index > 0) expect(stage.fromRate).toBe(stages[index - 1]!.toRate);
          }
        },
      ),
    );
  });

  it.each([
    ['the evening', 18, 23, 5],
    ['from and to the middle of an hour', 6.5, 7.5, 1],
    ['within half an hour', 6.6, 6.9, 0.3],
    ['over midnight', 22, 4, 6],
    ['the whole day, from morning to morning', 6, 6, 24],
    ['the last quarter of an hour', 23.75, 24, 0.25],
  ])('%s is a part of it', (_, fromHour, toHour, hours) => {
    const whole = createRateCurve(dayStages(HOURLY_CURVES.regional, 10, 24_000));
    const part = createRateCurve(dayStages(HOURLY_CURVES.regional, 10, 24_000, { fromHour, toHour }));
    expect(part.durationMs).toBeCloseTo(hours * 1000, 6);
    for (let i = 0; i < 100; i++) {
      const ms = (part.durationMs * i) / 100;
      expect(part.rateAt(ms)).toBeCloseTo(whole.rateAt((fromHour * 1000 + ms) % 24_000), 6);
    }
  });

  it('is the sum of its parts', () => {
    const hour = fc.double({ min: 0.1, max: 23.9, noNaN: true });
    fc.assert(
      fc.property(curve, hour, hour, (c, a, b) => {
        fc.pre(a !== b);
        const total = (part: { fromHour: number; toHour: number }) =>
          createRateCurve(dayStages(c, 50, 1e6, part)).total;
        expect(total({ fromHour: a, toHour: b }) + total({ fromHour: b, toHour: a })).toBeCloseTo(50_000, 3);
      }),
    );
  });

  it.each([
    ['a negative mean', -1, 1000, undefined, 'a mean rate must be 0 or more, not -1'],
    ['no mean', Number.NaN, 1000, undefined, 'a mean rate must be 0 or more, not NaN'],
    ['no time', 1, 0, undefined, 'a day must last above 0 ms, not 0'],
    ['a start at 24 h', 1, 1000, { fromHour: 24, toHour: 2 }, 'not 24 to 2 h'],
    ['an end at 25 h', 1, 1000, { fromHour: 22, toHour: 25 }, 'not 22 to 25 h'],
    ['an hour that is none', 1, 1000, { fromHour: Number.NaN, toHour: 2 }, 'not NaN to 2 h'],
  ])('refuses %s', (_, mean, ms, part, message) => {
    expect(() => dayStages(HOURLY_CURVES.global, mean, ms, part)).toThrow(message);
  });
});
