import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRateCurve } from '../pacing/rate-curve.ts';
import { createRandom } from '../random.ts';
import { HOURLY_CURVES, normalisedCurve } from './hourly-curves.ts';
import { onlineCurve, sessionFigures, sessionStages } from './sessions.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const curve = fc
  .array(fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 10, noNaN: true })), { minLength: 24, maxLength: 24 })
  .filter((values) => values.some((value) => value > 0));
const hours = fc.double({ min: 0.01, max: 100, noNaN: true });

describe('session figures', () => {
  it.each([
    [8640, 10, 10 * MINUTE_MS, 1, 600],
    [500e6, 12, 5 * MINUTE_MS, 69_444.44, 20_833_333.33],
    [1000, 1, 24 * HOUR_MS, 0.011574, 1000],
    [1000, 0.5, 24 * HOUR_MS, 0.005787, 500],
  ])('%d users, %d sessions a day of %d ms: %d/s, %d online', (users, sessions, ms, perSecond, online) => {
    const figures = sessionFigures({ users, sessionsPerUserPerDay: sessions, sessionLengthMs: ms });
    expect(figures.sessionsPerSecond).toBeCloseTo(perSecond, perSecond < 1 ? 6 : 2);
    expect(figures.meanOnline).toBeCloseTo(online, 2);
    expect(figures.shareOnline).toBeCloseTo(online / users, 9);
    // Little's law
    expect((figures.sessionsPerSecond * ms) / 1000).toBeCloseTo(figures.meanOnline, 3);
  });

  it('agree with a share that says the same, rounded', () => {
    const sessions = { users: 100, sessionsPerUserPerDay: 24, sessionLengthMs: 5 * MINUTE_MS };
    expect(sessionFigures({ ...sessions, shareOnline: 0.083 }).shareOnline).toBeCloseTo(1 / 12, 12);
    expect(() => sessionFigures({ ...sessions, shareOnline: 0.3 })).toThrow(
      '24 sessions a day of 5m keep a share of 0.0833 of the users online, not 0.3; leave one of them out',
    );
  });

  it.each([
    [
      'more than a day',
      { sessionsPerUserPerDay: 12, sessionLengthMs: 3 * HOUR_MS },
      '12 sessions a day of 3h are 36 hours a day, more than there are',
    ],
    ['no users', { users: 0 }, 'users must be above 0, not 0'],
    ['no sessions', { sessionsPerUserPerDay: 0 }, 'sessionsPerUserPerDay must be above 0, not 0'],
    ['no length', { sessionLengthMs: Number.NaN }, 'sessionLengthMs must be above 0, not NaN'],
  ])('refuse %s', (_, change, message) => {
    const sessions = { users: 100, sessionsPerUserPerDay: 2, sessionLengthMs: HOUR_MS };
    expect(() => sessionFigures({ ...sessions, ...change })).toThrow(message);
  });
});

describe('users online over the day', () => {
  it('follow the arrivals when sessions are short, and hardly vary when they are long', () => {
    const short = onlineCurve(HOURLY_CURVES.regional, 1 / 60);
    for (const [hour, factor] of HOURLY_CURVES.regional.entries()) expect(short[hour]).toBeCloseTo(factor, 1);
    const long = onlineCurve(HOURLY_CURVES.regional, 240);
    for (const factor of long) expect(Math.abs(factor - 1)).toBeLessThan(0.05);
  });

  it('have their peak later and lower with every hour that sessions last', () => {
    const peaks = [0.1, 1, 2, 4].map((length) => {
      const online = onlineCurve(HOURLY_CURVES.regional, length);
      return { height: Math.max(...online), hour: online.indexOf(Math.max(...online)) };
    });
    expect(peaks.map(({ hour }) => hour)).toEqual([21, 21, 22, 22]);
    for (const [i, { height }] of peaks.entries()) if (i > 0) expect(height).toBeLessThan(peaks[i - 1]!.height);
  });

  it('are the arrivals smoothed by e^(−t/S), for any curve', () => {
    fc.assert(
      fc.property(curve, fc.double({ min: 0.2, max: 5, noNaN: true }), (values, length) => {
        const arrivals = normalisedCurve(values);
        const arrivalsAt = (t: number): number => {
          const from = Math.floor(t);
          const share = t - from;
          const at = (hour: number) => arrivals[((hour % 24) + 24) % 24]!;
          return at(from) * (1 - share) + at(from + 1) * share;
        };
        // The integral by the midpoint rule over twenty session lengths.
        const step = length / 100;
        const direct = arrivals.map((_, hour) => {
          let sum = 0;
          for (let u = step / 2; u < 20 * length; u += step) sum += arrivalsAt(hour - u) * Math.exp(-u / length) * step;
          return sum;
        });
        const online = onlineCurve(values, length);
        const expected = normalisedCurve(direct);
        for (const [hour, factor] of online.entries()) expect(Math.abs(factor - expected[hour]!)).toBeLessThan(2e-3);
      }),
      { numRuns: 20 },
    );
  });

  it('are the arrivals smoothed: mean 1, within the arrivals’ bounds', () => {
    fc.assert(
      fc.property(curve, hours, (values, length) => {
        const arrivals = normalisedCurve(values);
        const online = onlineCurve(values, length);
        expect(online.reduce((a, b) => a + b, 0)).toBeCloseTo(24, 6);
        expect(Math.max(...online)).toBeLessThanOrEqual(Math.max(...arrivals) + 1e-6);
        expect(Math.min(...online)).toBeGreaterThanOrEqual(Math.min(...arrivals) - 1e-6);
      }),
    );
  });

  it('are what a simulation of sessions counts', () => {
    const figures = sessionFigures({ users: 40_000, sessionsPerUserPerDay: 5, sessionLengthMs: 90 * MINUTE_MS });
    const { online } = sessionStages({
      curve: HOURLY_CURVES.regional,
      users: 40_000,
      figures,
      sessionLengthMs: 90 * MINUTE_MS,
      lengthMs: 24 * HOUR_MS,
    });
    const expected = createRateCurve(online);
    const arrivals = createRateCurve(
      [0, 1, 2].flatMap(() =>
        HOURLY_CURVES.regional.map((factor) => ({
          fromRate: factor * figures.sessionsPerSecond,
          toRate: factor * figures.sessionsPerSecond,
          durationMs: HOUR_MS,
        })),
      ),
    );
    const random = createRandom(12);
    const counted = new Array<number>(24).fill(0);
    for (let event = random.exponential(); event < arrivals.total; event += random.exponential()) {
      const start = arrivals.timeOf(event);
      const end = start + random.exponential(90 * MINUTE_MS);
      // The third day, at half past every hour.
      for (let hour = 0; hour < 24; hour++) {
        const at = (48 + hour + 0.5) * HOUR_MS;
        if (start <= at && at < end) counted[hour]! += 1;
      }
    }
    for (let hour = 0; hour < 24; hour++) {
      const mean = expected.rateAt((hour + 0.5) * HOUR_MS);
      // Counts are Poisson; arrivals in steps instead of lines differ by a little more.
      expect(Math.abs(counted[hour]! - mean)).toBeLessThan(4 * Math.sqrt(mean) + 0.02 * figures.meanOnline);
    }
  });
});

describe('a day of sessions replayed', () => {
  const USERS = 10_000;
  const figures = sessionFigures({ users: USERS, sessionsPerUserPerDay: 8, sessionLengthMs: 30 * MINUTE_MS });

  it('has the mean online, and ends as many sessions as true time has', () => {
    const { online, turnover } = sessionStages({
      curve: HOURLY_CURVES.regional,
      users: USERS,
      figures,
      sessionLengthMs: 30 * MINUTE_MS,
      lengthMs: 24 * MINUTE_MS,
    });
    const seconds = 24 * 60;
    expect(createRateCurve(online).durationMs).toBeCloseTo(24 * MINUTE_MS, 6);
    expect(createRateCurve(online).total / seconds).toBeCloseTo(figures.meanOnline, 6);
    expect(createRateCurve(turnover).total / seconds).toBeCloseTo(figures.sessionsPerSecond, 9);
    for (const [i, stage] of turnover.entries()) expect(stage.toRate).toBeCloseTo(online[i]!.toRate / 1800, 9);
  });

  it('has at most everybody online', () => {
    fc.assert(
      fc.property(curve, fc.double({ min: 0.01, max: 24, noNaN: true }), (values, sessions) => {
        const busy = sessionFigures({ users: USERS, sessionsPerUserPerDay: sessions, sessionLengthMs: HOUR_MS });
        const { online, turnover } = sessionStages({
          curve: values,
          users: USERS,
          figures: busy,
          sessionLengthMs: HOUR_MS,
          lengthMs: 1e6,
        });
        for (const stage of [...online, ...turnover]) {
          expect(Math.min(stage.fromRate, stage.toRate)).toBeGreaterThanOrEqual(0);
          expect(Math.max(stage.fromRate, stage.toRate)).toBeLessThanOrEqual(USERS);
        }
        expect(createRateCurve(online).total / 1000).toBeLessThanOrEqual(busy.meanOnline * (1 + 1e-9));
      }),
    );
    const all = sessionFigures({ users: USERS, sessionsPerUserPerDay: 20, sessionLengthMs: HOUR_MS });
    const { online } = sessionStages({
      curve: HOURLY_CURVES.regional,
      users: USERS,
      figures: all,
      sessionLengthMs: HOUR_MS,
      lengthMs: 1e6,
    });
    expect(Math.max(...online.map(({ toRate }) => toRate))).toBe(USERS);
  });

  it('can be the evening alone', () => {
    const part = { fromHour: 18, toHour: 22 };
    const { online } = sessionStages({
      curve: HOURLY_CURVES.regional,
      users: USERS,
      figures,
      sessionLengthMs: 30 * MINUTE_MS,
      lengthMs: 24_000,
      part,
    });
    expect(createRateCurve(online).durationMs).toBeCloseTo(4000, 6);
  });
});
