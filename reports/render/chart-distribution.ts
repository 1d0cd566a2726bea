/** The percentile distribution as wrk2 and HdrHistogram draw it: x = 1 ÷ (1 − p) on a logarithmic axis, so that each decade of nines is equally wide. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { Distribution } from '../report-model.ts';
import type { Column } from './chart-series.ts';

const POINTS_PER_DECADE = 60;

/** The best slice of a metric to show: its steady phase, else all of it. Undefined without samples. */
export function chooseDistribution(distributions: Distribution[], metric: TrendName): Distribution | undefined {
  const own = distributions.filter((each) => each.metric === metric && each.count > 0);
  return own.find((each) => each.phase === 'steady') ?? own.find((each) => each.phase === 'all') ?? own[0];
}

/** Milliseconds below which a share of `percentile` (0 to 1) of the samples lies; the exact maximum at 1. NaN without samples. */
export function percentileOf(distribution: Distribution, percentile: number): number {
  if (distribution.count === 0) return Number.NaN;
  return ascendingPercentiles(distribution)(percentile);
}

/** As percentileOf, for percentiles that are asked for in ascending order: one pass over the buckets for all of them. */
function ascendingPercentiles({ values, counts, count, maxMs }: Distribution): (percentile: number) => number {
  let index = 0;
  let seen = counts[0] ?? 0;
  return (percentile) => {
    // Without the correction, 0.9 × 10 = 9.000000000000001 would ask for the tenth sample.
    const rank = Math.max(1, Math.ceil(percentile * count - 1e-9));
    if (rank >= count) return maxMs;
    while (seen < rank && index < counts.length - 1) seen += counts[++index]!;
    return seen < rank ? maxMs : Math.min(values[index]!, maxMs);
  };
}

/** x values from 1 (0%) to twice `count`, evenly spaced on the logarithmic axis: past `count` only the maximum is left to show. */
export function distributionAxis(count: number): number[] {
  const last = Math.max(2 * count, 10);
  const steps = Math.ceil(Math.log10(last) * POINTS_PER_DECADE);
  return Array.from({ length: steps + 1 }, (_, index) => Number((last ** (index / steps)).toPrecision(6)));
}

/** One value per x; null beyond what the number of samples can tell. */
export function distributionColumn(axis: number[], distribution: Distribution): Column {
  const percentile = ascendingPercentiles(distribution);
  return axis.map((x) => (x > distribution.count * 2.00001 ? null : percentile(1 - 1 / x)));
}
