/**
 * Sessions: how many users are online at once, and how many come and go.
 *
 * Little's law (J. D. C. Little, "A proof for the queuing formula L = λW", Operations Research 9, 1961) gives the mean: users online
 * = sessions/s × mean length. Over the day users come as the hourly curve says and stay for exponential times, whoever else is there:
 * an M/G/∞ queue with arrivals that vary, whose mean is that of the arrivals smoothed over the session length (S. G. Eick,
 * W. A. Massey, W. Whitt, "The physics of the M(t)/G/∞ queue", Operations Research 41, 1993): m(t) = ∫ λ(t − u) e^(−u/S) du. The
 * longer the sessions, the flatter and later the peak of the users online.
 */
import type { RateStage } from '../pacing/rate-curve.ts';
import { formatDuration, formatNumber } from '../units.ts';
import { type DayPart, dayStages, normalisedCurve } from './hourly-curves.ts';

export interface SessionFigures {
  /** Users online at once, mean over the day. */
  meanOnline: number;
  /** The same as a share of the users, above 0 to 1. */
  shareOnline: number;
  /** Sessions that begin, and that end, per second, mean over the day. */
  sessionsPerSecond: number;
}

const DAY_MS = 86_400_000;

/** What somebody says in addition may differ by so much from what follows, for rounding: 0.083 for one twelfth. */
const SHARE_TOLERANCE = 0.02;

/**
 * sessions/s = users × sessions/user/day ÷ 86,400; mean online = sessions/s × length. Throws RangeError, with the figures, for sessions
 * that are longer than the day together and for a `shareOnline` (when the author gave one) that is more than 2% off what follows.
 */
export function sessionFigures(input: {
  users: number;
  sessionsPerUserPerDay: number;
  sessionLengthMs: number;
  shareOnline?: number | undefined;
}): SessionFigures {
  const { users, sessionsPerUserPerDay, sessionLengthMs } = input;
  for (const [name, value] of Object.entries({ users, sessionsPerUserPerDay, sessionLengthMs })) {
    if (!(value > 0 && Number.isFinite(value))) throw new RangeError(`${name} must be above 0, not ${value}`);
  }
  const share = (sessionsPerUserPerDay * sessionLengthMs) / DAY_MS;
  const product = `${formatNumber(sessionsPerUserPerDay)} sessions a day of ${formatDuration(sessionLengthMs)}`;
  if (share > 1) {
    throw new RangeError(
      `${product} are ${formatNumber(share * 24)} hours a day, more than there are; lower the number of sessions or their length`,
    );
  }
  if (input.shareOnline !== undefined && Math.abs(input.shareOnline / share - 1) > SHARE_TOLERANCE) {
    throw new RangeError(
      `${product} keep a share of ${formatNumber(share)} of the users online, not ${formatNumber(input.shareOnline)}; leave one of them out`,
    );
  }
  const sessionsPerSecond = (users * sessionsPerUserPerDay * 1000) / DAY_MS;
  return { meanOnline: users * share, shareOnline: share, sessionsPerSecond };
}

/**
 * A day of sessions replayed in `lengthMs` (`part`: as in dayStages). Sessions begin by the hourly curve, and keep their true length.
 *
 * - `online`: users online (not a rate). At most all of them: where more would be, it is all, and the mean then below `meanOnline`.
 * - `turnover`: sessions that end per second of real time, each made up for by one that begins = online ÷ mean length. What `online`
 *   rises or falls by comes on top: those users connect or leave faster than in life, by the factor of the compression.
 *
 * Throws RangeError as dayStages does.
 */
export function sessionStages(input: {
  curve: readonly number[];
  users: number;
  figures: SessionFigures;
  /** Mean length of a session, as given to sessionFigures. */
  sessionLengthMs: number;
  lengthMs: number;
  part?: DayPart | undefined;
}): { online: RateStage[]; turnover: RateStage[] } {
  const { users, figures } = input;
  const seconds = input.sessionLengthMs / 1000;
  const curve = onlineCurve(input.curve, seconds / 3600);
  const online = dayStages(curve, figures.meanOnline, input.lengthMs, input.part).map((stage) => ({
    ...stage,
    fromRate: Math.min(users, stage.fromRate),
    toRate: Math.min(users, stage.toRate),
  }));
  const turnover = online.map((stage) => ({
    ...stage,
    fromRate: stage.fromRate / seconds,
    toRate: stage.toRate / seconds,
  }));
  return { online, turnover };
}

/**
 * Hourly factors (mean 1) of the users online when sessions begin by `curve` and last `hours` in the mean, exponentially.
 *
 * Between the middles of two hours arrivals are linear, λ = a + b·t, and m′ = λ − m ÷ S has the solution
 * m(t) = S·(a + b·t) − S²·b + c·e^(−t/S). That takes m from hour to hour, and the day repeats itself, m(24) = m(0).
 */
export function onlineCurve(curve: readonly number[], hours: number): number[] {
  const arrivals = normalisedCurve(curve);
  const decay = Math.exp(-1 / hours);
  const steady = (hour: number, t: number): number => {
    const a = arrivals[hour]!;
    const b = arrivals[(hour + 1) % 24]! - a;
    return hours * (a + b * t) - hours * hours * b;
  };
  const next = (online: number, hour: number): number => steady(hour, 1) + (online - steady(hour, 0)) * decay;
  const afterDayFromNobody = arrivals.reduce((online, _, hour) => next(online, hour), 0);
  let online = afterDayFromNobody / -Math.expm1(-24 / hours);
  return normalisedCurve(
    arrivals.map((_, hour) => {
      const now = Math.max(0, online);
      online = next(online, hour);
      return now;
    }),
  );
}
