/**
 * The hourly curve of a day: the built-in ones, one lived in several time zones, and a day replayed in less than a day.
 *
 * Replaying compresses the curve and leaves the rate alone: the evening peak of 41.7/s is 41.7/s, it only lasts shorter. What
 * builds up over hours (timelines, backlogs, retention) builds up less in a replayed day, by the factor of the compression.
 */
import type { RateStage } from '../pacing/rate-curve.ts';

export interface TimeZoneShare {
  /** Hours ahead of UTC, −12 … 14; may be fractional (5.5). */
  utcOffset: number;
  /** Share of the users who live there, ≥ 0; only proportions count. */
  share: number;
}

/** A part of the day: from `fromHour` (0 up to, not including, 24) to `toHour` (above 0, to 24); past midnight when `toHour` is not above `fromHour`. */
export interface DayPart {
  fromHour: number;
  toHour: number;
}

/**
 * Where people live: millions of inhabitants by standard time, countries of World Population Prospects 2022 (United Nations)
 * put into the zone that most of them use, large countries divided. An assumption about users, not a count of them: a service
 * that is strong in some regions should give its own zones.
 */
export const WORLD_TIME_ZONES: readonly TimeZoneShare[] = [
  { utcOffset: -8, share: 62 }, // Pacific coast of North America
  { utcOffset: -7, share: 38 },
  { utcOffset: -6, share: 265 }, // Mexico, central United States, Central America
  { utcOffset: -5, share: 315 }, // eastern United States and Canada, Colombia, Peru
  { utcOffset: -4, share: 70 },
  { utcOffset: -3, share: 275 }, // Brazil, Argentina
  { utcOffset: 0, share: 250 }, // United Kingdom, West Africa
  { utcOffset: 1, share: 880 }, // western and central Europe, Nigeria, the Maghreb
  { utcOffset: 2, share: 510 }, // eastern Europe, Egypt, southern Africa
  { utcOffset: 3, share: 700 }, // Moscow, Turkey, Arabia, East Africa
  { utcOffset: 3.5, share: 88 }, // Iran
  { utcOffset: 4, share: 40 },
  { utcOffset: 4.5, share: 41 }, // Afghanistan
  { utcOffset: 5, share: 330 }, // Pakistan, Central Asia
  { utcOffset: 5.5, share: 1440 }, // India, Sri Lanka
  { utcOffset: 6, share: 270 }, // Bangladesh; Nepal and Myanmar within 30 minutes
  { utcOffset: 7, share: 425 }, // western Indonesia, Vietnam, Thailand
  { utcOffset: 8, share: 1670 }, // China, Philippines, Malaysia
  { utcOffset: 9, share: 209 }, // Japan, Korea
  { utcOffset: 10, share: 37 }, // Australia, Papua, New Zealand
];

/**
 * Share of the day's mean rate in each hour of local time, mean 1. The shape of consumer chat: a night at about a fifth of the
 * mean, a plateau by day, an evening peak of 1.8 between 21 and 22 h, the upper end of the 1.5–1.8 that regional services see.
 */
const REGIONAL: readonly number[] = [
  0.6, 0.4, 0.28, 0.22, 0.22, 0.3, 0.5, 0.75, 0.95, 1.05, 1.12, 1.18, 1.25, 1.22, 1.18, 1.18, 1.22, 1.32, 1.45, 1.62,
  1.77, 1.8, 1.5, 0.92,
];

/**
 * 24 factors of the mean rate, mean 1. `regional`: one time zone, local hours. `global`: the regional curve as all the world
 * lives it (WORLD_TIME_ZONES), hours UTC: peak 1.41 between 13 and 14 h, when it is evening in Asia and afternoon in Europe,
 * lowest 0.61 between 22 and 23 h.
 */
export const HOURLY_CURVES: Readonly<Record<'regional' | 'global', readonly number[]>> = {
  regional: REGIONAL,
  global: inTimeZones(REGIONAL, WORLD_TIME_ZONES),
};

/**
 * The 24 hourly factors (mean 1, by hour UTC) of a curve written in local time, lived in several time zones. A fractional
 * offset mixes the two local hours that fall into an hour UTC. Throws RangeError for a wrong curve, an offset outside
 * −12 … 14, a negative share, or no share above 0.
 */
export function inTimeZones(localCurve: readonly number[], zones: readonly TimeZoneShare[]): number[] {
  const curve = normalisedCurve(localCurve);
  for (const { utcOffset, share } of zones) {
    if (!(utcOffset >= -12 && utcOffset <= 14))
      throw new RangeError(`a time zone is −12 to 14 hours ahead of UTC, not ${utcOffset}`);
    if (!(share >= 0 && Number.isFinite(share)))
      throw new RangeError(`the share of the time zone ${utcOffset} must be 0 or more, not ${share}`);
  }
  const total = zones.reduce((sum, { share }) => sum + share, 0);
  if (!(total > 0)) throw new RangeError('the shares of the time zones are all 0; somebody must live somewhere');
  return curve.map((_, hour) =>
    zones.reduce((sum, { utcOffset, share }) => {
      const whole = Math.floor(utcOffset);
      const fraction = utcOffset - whole;
      const local = (1 - fraction) * curve[(hour + whole + 24) % 24]! + fraction * curve[(hour + whole + 25) % 24]!;
      return sum + (share / total) * local;
    }, 0),
  );
}

/** The curve with mean 1. Throws RangeError for anything but 24 numbers ≥ 0, not all 0. */
export function normalisedCurve(curve: readonly number[]): number[] {
  const sum = curve.reduce((a, b) => a + b, 0);
  if (curve.length !== 24 || curve.some((value) => !(value >= 0)) || !(sum > 0) || !Number.isFinite(sum)) {
    throw new RangeError('an hourly curve has 24 numbers of 0 or more, one per hour, and not all of them 0');
  }
  return curve.map((value) => (value * 24) / sum);
}

/**
 * A day of 24 h in `lengthMs`, from midnight: linear from the middle of each hour to the middle of the next and across midnight,
 * so that at half past an hour the rate is `mean` × that hour's factor, in events/s of real time however short the day. The
 * mean over the whole day is `mean`. `part` cuts a part out of that day: its stages last `lengthMs` × its share of 24 h.
 * Throws RangeError for a wrong curve, mean, length or part.
 */
export function dayStages(
  curve: readonly number[],
  mean: number,
  lengthMs: number,
  part: DayPart = { fromHour: 0, toHour: 24 },
): RateStage[] {
  const rates = normalisedCurve(curve).map((factor) => factor * mean);
  if (!(mean >= 0 && Number.isFinite(mean))) throw new RangeError(`a mean rate must be 0 or more, not ${mean}`);
  if (!(lengthMs > 0 && Number.isFinite(lengthMs))) throw new RangeError(`a day must last above 0 ms, not ${lengthMs}`);
  const { fromHour } = part;
  const toHour = endHour(part);
  const bends = Array.from({ length: 48 }, (_, hour) => hour + 0.5).filter((hour) => hour > fromHour && hour < toHour);
  const points = [fromHour, ...bends, toHour];
  return points.slice(1).map((end, index) => ({
    fromRate: rateAt(rates, points[index]!),
    toRate: rateAt(rates, end),
    durationMs: ((end - points[index]!) * lengthMs) / 24,
  }));
}

/** The end of a part in hours from the midnight it starts after: above `fromHour`, at most a day later. */
function endHour({ fromHour, toHour }: DayPart): number {
  if (!(fromHour >= 0 && fromHour < 24 && toHour > 0 && toHour <= 24)) {
    throw new RangeError(
      `a part of the day starts at 0 to below 24 h and ends at above 0 to 24 h, not ${fromHour} to ${toHour} h`,
    );
  }
  return toHour > fromHour ? toHour : toHour + 24;
}

function rateAt(rates: readonly number[], hour: number): number {
  const before = Math.floor(hour - 0.5);
  const fraction = hour - 0.5 - before;
  const from = rates[(before + 24) % 24]!;
  return fraction === 0 ? from : from + (rates[(before + 25) % 24]! - from) * fraction;
}
