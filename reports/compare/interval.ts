/**
 * From resamples to the interval of a change. A bootstrap of few pieces is too narrow: its variance misses the factor
 * m ÷ (m − 1), and it takes the variance for known. As Hesterberg does ("What Teachers Should Know About the Bootstrap", The
 * American Statistician 69, 2015), it is widened by both, here by stretching its distances from the estimate:
 *
 *   stretch = t(α, ν) ÷ z(α) · √(V ÷ V*),  V* the variance of the resampled changes,
 *   V = V(a) + V(b),  ν = V² ÷ (V(a)² ÷ ν(a) + V(b)² ÷ ν(b))   (Welch–Satterthwaite).
 *
 * One run a side: V(side) = V*(seconds) · missed · m ÷ (m − 1) with m pieces, ν = m − 1 (`missed`, m: dependence() of
 * block-bootstrap.ts).
 * k runs a side: V(side) = (V*(runs and seconds) − V*(seconds)) · k ÷ (k − 1), at least
 * V*(seconds) · missed, ν = k − 1: drawing seconds
 * within drawn runs counts their variance twice, once of it is taken off again.
 * One run against k: the single run is taken to vary from run to run as those k do.
 * Pure.
 */
import type { Estimate } from './resampling.ts';
import { normalQuantile, studentQuantile } from './student.ts';

export interface Interval {
  low: number;
  high: number;
}

export interface Change {
  /** b − a, in their unit. */
  difference: number;
  differenceInterval: Interval;
  /** b ÷ a. */
  ratio: number;
  ratioInterval: Interval;
  /** Share of chance of being wrong, over both ends. */
  alpha: number;
}

/**
 * The change from `a` to `b` with intervals of level 1 − `alpha`. `smallest` stands in for values below it where a ratio is
 * taken (a latency of 0 has none). Null when neither side has anything that varies: a single figure on each.
 */
export function changeOf(a: Estimate, b: Estimate, alpha: number, smallest: number): Change | null {
  if (a.pieces === Number.POSITIVE_INFINITY && b.pieces === Number.POSITIVE_INFINITY && a.runs + b.runs === 2)
    return null;
  const same = (value: number): number => value;
  const log = (value: number): number => Math.log(Math.max(value, smallest));
  const logs = changeInterval(a, b, log, alpha);
  return {
    difference: b.value - a.value,
    differenceInterval: changeInterval(a, b, same, alpha),
    ratio: Math.exp(log(b.value) - log(a.value)),
    ratioInterval: { low: Math.exp(logs.low), high: Math.exp(logs.high) },
    alpha,
  };
}

/** The interval of one side alone, of level 1 − `alpha`. */
export function intervalOf(side: Estimate, alpha: number, smallest: number): Interval {
  const log = (value: number): number => Math.log(Math.max(value, smallest));
  const { low, high } = stretched(side.resampled.map(log), log(side.value), [ownSpread(side, log)], alpha);
  return { low: Math.exp(low), high: Math.exp(high) };
}

function changeInterval(a: Estimate, b: Estimate, scale: (value: number) => number, alpha: number): Interval {
  const changes = a.resampled.map((value, index) => scale(b.resampled[index]!) - scale(value));
  return stretched(changes, scale(b.value) - scale(a.value), spreads(a, b, scale), alpha);
}

function stretched(resampled: Float64Array, estimate: number, spreads: readonly Spread[], alpha: number): Interval {
  const wanted = spreads.reduce((sum, { variance }) => sum + variance, 0);
  const seen = varianceOf(resampled);
  if (!(wanted > 0) || !(seen > 0)) return { low: estimate, high: estimate };
  const freedom = wanted ** 2 / spreads.reduce((sum, spread) => sum + spread.variance ** 2 / spread.freedom, 0);
  const stretch = (studentQuantile(alpha, freedom) / normalQuantile(alpha)) * Math.sqrt(wanted / seen);
  const sorted = resampled.slice().sort();
  return {
    low: estimate + stretch * Math.min(0, quantileOf(sorted, alpha / 2) - estimate),
    high: estimate + stretch * Math.max(0, quantileOf(sorted, 1 - alpha / 2) - estimate),
  };
}

interface Spread {
  variance: number;
  freedom: number;
}

function spreads(a: Estimate, b: Estimate, scale: (value: number) => number): [Spread, Spread] {
  const own = [ownSpread(a, scale), ownSpread(b, scale)] as [Spread, Spread];
  if (a.runs === 1 && b.runs > 1) return [withRunsOf(b, own[0], own[1], scale), own[1]];
  if (b.runs === 1 && a.runs > 1) return [own[0], withRunsOf(a, own[1], own[0], scale)];
  return own;
}

function ownSpread({ runs, pieces, missed, resampled, within }: Estimate, scale: (value: number) => number): Spread {
  const ofSeconds = varianceOf(within.map(scale));
  if (runs === 1) {
    const freedom = Math.max(1, pieces - 1);
    return { variance: Number.isFinite(pieces) ? (ofSeconds * missed * (freedom + 1)) / freedom : 0, freedom };
  }
  const ofRuns = varianceOf(resampled.map(scale)) - ofSeconds;
  return { variance: Math.max(ofSeconds * missed, (ofRuns * runs) / (runs - 1)), freedom: runs - 1 };
}

/** What a single run varies by, if from run to run it varies as the runs of the other side do. */
function withRunsOf(several: Estimate, single: Spread, spread: Spread, scale: (value: number) => number): Spread {
  const ofSeconds = varianceOf(several.within.map(scale)) * several.missed;
  const betweenRuns = Math.max(0, spread.variance - ofSeconds) * several.runs;
  return {
    variance: single.variance + betweenRuns,
    freedom: betweenRuns > single.variance ? spread.freedom : single.freedom,
  };
}

function varianceOf(values: Float64Array): number {
  let mean = 0;
  for (const value of values) mean += value / values.length;
  let sum = 0;
  for (const value of values) sum += (value - mean) ** 2;
  return sum / Math.max(1, values.length - 1);
}

/** Of values in ascending order, between neighbours in proportion. */
function quantileOf(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (at - below) * (sorted[above]! - sorted[below]!);
}
