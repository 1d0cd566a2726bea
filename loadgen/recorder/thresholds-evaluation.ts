/**
 * Thresholds against what was measured.
 *
 * What was never recorded: a counter is 0, as in k6. For a trend, k6 reads 0 and passes `p(99)<100`, and it passes every
 * threshold of a rate; here the value is null, and the threshold fails if the run was to produce that metric at all
 * (`MetricView.expects`), and passes otherwise. A gauge that was not measured cannot be judged and fails.
 */
import type { GaugeSecond } from './gauge-totals.ts';
import type { CounterName, GaugeName, RateName, TrendName } from './metrics.ts';
import type { HistogramRow } from './samples.ts';
import type { ThresholdResult } from './summary.ts';
import type { Aggregation, Tags, Threshold } from './thresholds.ts';
import { windowValues } from './thresholds-windows.ts';

/** Merged samples of a trend, in milliseconds. An interface of HDR histograms, not of their contents. */
export interface TrendReading {
  count: number;
  avg: number;
  min: number;
  max: number;
  /** `percent` from 0 to 100. */
  percentile(percent: number): number;
}

/** The occupied buckets of one second. Rows of several sources may share a second. */
export type HistogramSecond = Pick<HistogramRow, 'atMs' | 'count' | 'sumUs' | 'minUs' | 'maxUs'> &
  Record<'values' | 'counts', ArrayLike<number>>;

export interface CounterSecond {
  atMs: number;
  value: number;
}

/** Rows of samples intended within [startMs, endMs), the phase that is looked at; they may have been recorded later. */
export interface Series<Row> {
  startMs: number;
  endMs: number;
  rows: readonly Row[];
  /** More is to come: only the newest windows are looked at, and only when they are complete. */
  live?: boolean;
}

/** What was measured, as the summary shows it: without a phase tag trends are those of the steady phase (`connect_latency`: all). */
export interface MetricView {
  trend(metric: TrendName, tags: Tags): TrendReading | undefined;
  /** `count` over the whole run, `rate` per second of the steady phase. */
  counter(metric: CounterName, tags: Tags): { count: number; rate: number };
  /** Of the steady phase: how often it was so, of how many. */
  rate(metric: RateName, tags: Tags): { passes: number; total: number };
  /** All sources together (gauge-totals.ts): the last value, and mean and extremes over the steady phase. */
  gauge(metric: GaugeName, tags: Tags): Partial<Record<'value' | 'avg' | 'min' | 'max', number>>;
  /** Second by second; asked for by ` over …` thresholds only. */
  trendSeries(metric: TrendName, tags: Tags): Series<HistogramSecond>;
  counterSeries(metric: CounterName | RateName, tags: Tags): Series<CounterSecond>;
  gaugeSeries(metric: GaugeName, tags: Tags): Series<GaugeSecond>;
  /** Was this run to produce samples of this metric? (Not `resume_latency` where nobody reconnects, and so on.) */
  expects(metric: TrendName | RateName): boolean;
}

/** One result per threshold, in order. Of windows, the worst one's value. */
export function evaluateThresholds(thresholds: readonly Threshold[], view: MetricView): ThresholdResult[] {
  return thresholds.map((threshold) => {
    const { aggregation } = threshold;
    const values = measuredValues(threshold, view);
    const value = values.length === 0 ? null : worstOf(values, threshold);
    const ok = value === null ? !isExpected(aggregation, view) : holds(value, threshold);
    return { metric: threshold.metric, threshold: threshold.source, value, ok };
  });
}

/**
 * The thresholds that end a run now, with the value that failed: `abortOnFail`, failing, and past their delay. As in k6, what
 * has no samples yet does not.
 *
 * @param elapsedMs since the load began.
 */
export function thresholdsToAbort(
  thresholds: readonly Threshold[],
  view: MetricView,
  elapsedMs: number,
): Array<{ threshold: Threshold; value: number }> {
  return thresholds.flatMap((threshold) => {
    const { aggregation, tags } = threshold;
    if (!threshold.abortOnFail || elapsedMs <= threshold.delayAbortEvalMs) return [];
    if (aggregation.type === 'counter' && view.counter(aggregation.name, tags).count === 0) return [];
    const failing = measuredValues(threshold, view).filter((value) => !holds(value, threshold));
    return failing.length === 0 ? [] : [{ threshold, value: worstOf(failing, threshold) }];
  });
}

function isExpected(aggregation: Aggregation, view: MetricView): boolean {
  return aggregation.type === 'trend' || aggregation.type === 'rate' ? view.expects(aggregation.name) : true;
}

/** One value, or one a window; none when nothing was recorded. */
function measuredValues(threshold: Threshold, view: MetricView): number[] {
  const { aggregation, tags, windowMs } = threshold;
  if (windowMs !== null) return windowValues(aggregation, windowMs, tags, view);
  if (aggregation.type === 'counter') return [view.counter(aggregation.name, tags)[aggregation.method]];
  if (aggregation.type === 'rate') {
    const { passes, total } = view.rate(aggregation.name, tags);
    return total === 0 ? [] : [passes / total];
  }
  if (aggregation.type === 'gauge') {
    const value = view.gauge(aggregation.name, tags)[aggregation.method];
    return value === undefined ? [] : [value];
  }
  const trend = view.trend(aggregation.name, tags);
  if (!trend || trend.count === 0) return [];
  return [aggregation.method === 'percentile' ? trend.percentile(aggregation.percentile) : trend[aggregation.method]];
}

function holds(value: number, { operator, limit }: Threshold): boolean {
  switch (operator) {
    case '>':
      return value > limit;
    case '>=':
      return value >= limit;
    case '<':
      return value < limit;
    case '<=':
      return value <= limit;
    case '!=':
      return value !== limit;
    default:
      return value === limit;
  }
}

/** The value farthest on the failing side; for (in)equality the first that fails. */
function worstOf(values: readonly number[], threshold: Threshold): number {
  if (threshold.operator.startsWith('<')) return values.reduce((a, b) => Math.max(a, b));
  if (threshold.operator.startsWith('>')) return values.reduce((a, b) => Math.min(a, b));
  return values.find((value) => !holds(value, threshold)) ?? values[0]!;
}
