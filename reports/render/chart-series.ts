/** Puts samples of many processes on one time axis: even steps, few enough to draw, gaps kept as gaps. */
import type { PercentilePoint } from '../report-model.ts';

/** Points of the axis lie `stepSeconds` apart, the first one at `startMs`. */
export interface TimeAxis {
  startMs: number;
  stepSeconds: number;
  length: number;
}

export type Column = Array<number | null>;

interface Timed {
  atMs: number;
}

/** More points than a screen has columns cost bytes and show nothing. */
const POINTS_MAX = 900;

/** How long a process may be silent before its share of a sum counts as gone, s. */
const HOLD_SECONDS = 3;

/** An axis over `[fromMs, toMs)`, in steps of `leastStepSeconds` or a multiple of it; null when that holds no second. */
export function timeAxis(fromMs: number, toMs: number, leastStepSeconds = 1): TimeAxis | null {
  const startMs = Math.floor(fromMs / 1000) * 1000;
  const seconds = Math.ceil((toMs - startMs) / 1000);
  if (!(seconds > 0)) return null;
  const stepSeconds = Math.ceil(seconds / POINTS_MAX / leastStepSeconds) * leastStepSeconds;
  return { startMs, stepSeconds, length: Math.ceil(seconds / stepSeconds) };
}

/** The worst second of each step: percentiles can't be averaged. Null where nothing was recorded. */
export function percentileColumn(
  axis: TimeAxis,
  points: PercentilePoint[],
  pick: Exclude<keyof PercentilePoint, 'atMs' | 'count'>,
): Column {
  // A bucket's upper edge, which percentiles are, can lie up to 0.1% above the largest sample.
  return fold(axis, points, (point) => Math.min(point[pick], point.max), Math.max);
}

/** Per second, averaged over each step; a second without a row counts as none. */
export function rateColumn(axis: TimeAxis, points: Array<{ atMs: number; value: number }>): Column {
  const sums = fold(
    axis,
    points,
    (point) => point.value,
    (a, b) => a + b,
  );
  return sums.map((sum) => (sum ?? 0) / axis.stepSeconds);
}

/**
 * Sum over processes; each keeps its last value for up to 3 s, so that a late row does not look like a drop. Where a step holds several
 * seconds, `worst` picks the one that stands for it.
 */
export function sumColumn(
  axis: TimeAxis,
  sources: Array<Array<{ atMs: number; value: number }>>,
  worst: 'highest' | 'lowest' = 'highest',
): Column {
  return combine(axis, sources, (a, b) => a + b, worst === 'highest' ? Math.max : Math.min);
}

/** The highest process at each moment. */
export function maxColumn(axis: TimeAxis, sources: Array<Array<{ atMs: number; value: number }>>): Column {
  return combine(axis, sources, Math.max);
}

/** Four significant digits are more than a chart can show. */
export function compactColumn(column: Column): Column {
  return column.map((value) => (value === null || !Number.isFinite(value) ? null : fourDigits(value)));
}

/** Exact, as a quotient of two of them is the number nearest to the decimal. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => 10 ** exponent);

/** As `Number(value.toPrecision(4))`, many times faster: a live page rounds tens of thousands of values a second. */
function fourDigits(value: number): number {
  if (value === 0) return 0;
  const decimals = 3 - Math.floor(Math.log10(Math.abs(value)));
  const power = POWERS[Math.abs(decimals)];
  if (power === undefined) return Number(value.toPrecision(4));
  return decimals >= 0 ? Math.round(value * power) / power : Math.round(value / power) * power;
}

function combine(
  axis: TimeAxis,
  sources: Array<Array<{ atMs: number; value: number }>>,
  join: (a: number, b: number) => number,
  pick: (a: number, b: number) => number = Math.max,
): Column {
  const result: Column = Array.from({ length: axis.length }, () => null);
  for (const points of sources) {
    const column = hold(
      axis,
      fold(axis, points, (point) => point.value, pick),
    );
    column.forEach((value, index) => {
      const other = result[index];
      if (value !== null) result[index] = other === null || other === undefined ? value : join(other, value);
    });
  }
  return result;
}

function fold<Point extends Timed>(
  axis: TimeAxis,
  points: Point[],
  value: (point: Point) => number,
  join: (a: number, b: number) => number,
): Column {
  const column = new Array<number | null>(axis.length).fill(null);
  for (const point of points) {
    const index = Math.floor((point.atMs - axis.startMs) / 1000 / axis.stepSeconds);
    if (index < 0 || index >= axis.length) continue;
    const other = column[index]!;
    column[index] = other === null ? value(point) : join(other, value(point));
  }
  return column;
}

function hold(axis: TimeAxis, column: Column): Column {
  const steps = Math.floor(HOLD_SECONDS / axis.stepSeconds);
  let last: number | null = null;
  let age = 0;
  return column.map((value) => {
    age = value === null ? age + 1 : 0;
    last = value ?? (age <= steps ? last : null);
    return last;
  });
}
