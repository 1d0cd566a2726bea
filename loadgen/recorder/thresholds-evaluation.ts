/**
 * Thresholds against what was measured.
 *
 * What was never recorded: a counter is 0, as in k6. For a trend, k6 reads 0 and passes `p(99)<100`; here the value is null, and
 * the threshold fails if the run was to produce that trend at all (`MetricView.expects`), and passes otherwise. A gauge that
 * was not measured cannot be judged and fails.
 */
import type { CounterName, GaugeName, TrendName } from './metrics.ts';
import type { HistogramRow } from './samples.ts';
import type { ThresholdResult } from './summary.ts';
import type { Tags, Threshold } from './thresholds.ts';
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
export type HistogramSecond = Pick<HistogramRow, 'atMs' | 'count' | 'sumUs' | 'minUs' | 'maxUs' | 'values' | 'counts'>;

export interface CounterSecond {
  atMs: number;
  value: number;
}

/** Rows of samples intended within [startMs, endMs), the phase that is looked at; they may have been recorded later. */
export interface Series<Row> {
  startMs: number;
  endMs: number;
  rows: readonly Row[];
}

/** What was measured, as the summary shows it: without a phase tag trends are those of the steady phase (`connect_latency`: all). */
export interface MetricView {
  trend(metric: TrendName, tags: Tags): TrendReading | undefined;
  /** `count` over the whole run, `rate` per second of the steady phase. */
  counter(metric: CounterName, tags: Tags): { count: number; rate: number };
  /** The last value. */
  gauge(metric: GaugeName, tags: Tags): number | undefined;
  /** Second by second; asked for by ` over …` thresholds only. */
  trendSeries(metric: TrendName, tags: Tags): Series<HistogramSecond>;
  counterSeries(metric: CounterName, tags: Tags): Series<CounterSecond>;
  /** Was this run to produce samples of this trend? (Not `resume_latency` where nobody reconnects, and so on.) */
  expects(metric: TrendName): boolean;
}

/** One result per threshold, in order. Of windows, the worst one's value. */
export function evaluateThresholds(thresholds: readonly Threshold[], view: MetricView): ThresholdResult[] {
  return thresholds.map((threshold) => {
    const { aggregation } = threshold;
    const values = measuredValues(threshold, view);
    const value = values.length === 0 ? null : worstOf(values, threshold);
    const ok =
      value === null ? aggregation.type === 'trend' && !view.expects(aggregation.name) : holds(value, threshold);
    return { metric: threshold.metric, threshold: threshold.source, value, ok };
  });
}

/**
 * The thresholds that end a run now: `abortOnFail`, failing, and past their delay. As in k6, what has no samples yet does not.
 *
 * @param elapsedMs since the load began.
 */
export function thresholdsToAbort(thresholds: readonly Threshold[], view: MetricView, elapsedMs: number): Threshold[] {
  return thresholds.filter((threshold) => {
    if (!threshold.abortOnFail || elapsedMs <= threshold.delayAbortEvalMs) return false;
    return measuredValues(threshold, view).some((value) => !holds(value, threshold));
  });
}

/** One value, or one a window; none when nothing was recorded. */
function measuredValues(threshold: Threshold, view: MetricView): number[] {
  const { aggregation, tags, windowMs } = threshold;
  if (windowMs !== null) return windowValues(aggregation, windowMs, tags, view);
  if (aggregation.type === 'counter') return [view.counter(aggregation.name, tags)[aggregation.method]];
  if (aggregation.type === 'gauge') {
    const value = view.gauge(aggregation.name, tags);
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
