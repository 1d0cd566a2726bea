/** Sliding windows over per-second rows, a step of one second. */
import type { GaugeSecond } from './gauge-totals.ts';
import { RATE_TOTALS } from './metrics.ts';
import type { Aggregation, Tags } from './thresholds.ts';
import type { CounterSecond, HistogramSecond, MetricView, Series } from './thresholds-evaluation.ts';

/** While a run goes on, as many windows are looked at again as seconds may pass between two looks, and some more. */
const LIVE_WINDOWS = 10;

/**
 * The aggregate of every window that lies within the series; of the whole series where it is shorter than one window, unless
 * more is to come (`live`).
 *
 * Trend windows without a sample give no value: a message is recorded in the second in which it arrives, so a stall shows in
 * the windows after it, and messages that never arrive are the ledger's to report.
 */
export function windowValues(aggregation: Aggregation, windowMs: number, tags: Tags, view: MetricView): number[] {
  if (aggregation.type === 'trend')
    return trendWindows(aggregation, windowMs, view.trendSeries(aggregation.name, tags));
  if (aggregation.type === 'counter')
    return counterWindows(aggregation, windowMs, view.counterSeries(aggregation.name, tags));
  if (aggregation.type === 'rate') return rateWindows(aggregation, windowMs, tags, view);
  return gaugeWindows(aggregation, windowMs, view.gaugeSeries(aggregation.name, tags));
}

/** Seconds that are partly in the phase count, and so do late arrivals after its end: no sample escapes every window. */
function trendWindows(
  aggregation: Aggregation & { type: 'trend' },
  windowMs: number,
  series: Series<HistogramSecond>,
): number[] {
  // Edges of buckets are gathered of the rows that are looked at only: while a run goes on, that is every second.
  const oldestMs = series.live ? series.endMs - windowMs - (LIVE_WINDOWS + 1) * 1000 : Number.NEGATIVE_INFINITY;
  const rows = series.rows.filter((row) => row.count > 0 && row.atMs >= oldestMs);
  const startMs = rows.reduce((least, row) => Math.min(least, row.atMs), wholeSecond(Math.floor, series.startMs));
  const endMs = rows.reduce((most, row) => Math.max(most, row.atMs + 1000), wholeSecond(Math.ceil, series.endMs));

  const distinct = new Set<number>();
  for (const { values } of rows) for (let i = 0; i < values.length; i++) distinct.add(values[i]!);
  const edges = Float64Array.from(distinct).sort();
  const indexOf = new Map(Array.from(edges, (edge, index) => [edge, index]));
  const counts = new Float64Array(edges.length);
  const add = (row: HistogramSecond, sign: 1 | -1) => {
    for (let i = 0; i < row.values.length; i++) counts[indexOf.get(row.values[i]!)!]! += sign * row.counts[i]!;
  };

  const results: number[] = [];
  slide({ ...series, startMs, endMs, rows }, windowMs, {
    enter: (row) => add(row, 1),
    leave: (row) => add(row, -1),
    look: (within) => {
      if (within.length === 0) return;
      const total = within.reduce((sum, row) => sum + row.count, 0);
      results.push(aggregateUs(aggregation, within, total, edges, counts) / 1000);
    },
  });
  return results;
}

function aggregateUs(
  aggregation: Aggregation & { type: 'trend' },
  rows: readonly HistogramSecond[],
  total: number,
  edges: Float64Array,
  counts: Float64Array,
): number {
  const maxUs = Math.max(...rows.map((row) => row.maxUs));
  if (aggregation.method === 'percentile')
    return Math.min(bucketPercentile(edges, counts, total, aggregation.percentile), maxUs);
  if (aggregation.method === 'avg') return rows.reduce((sum, row) => sum + row.sumUs, 0) / total;
  if (aggregation.method === 'min') return Math.min(...rows.map((row) => row.minUs));
  return maxUs;
}

/** Only whole seconds of the phase: a part of a second would look like a lower rate. */
function counterWindows(
  aggregation: Aggregation & { type: 'counter' },
  windowMs: number,
  series: Series<CounterSecond>,
): number[] {
  const results: number[] = [];
  slide(wholeSeconds(series), windowMs, {
    look: (within, lengthMs) => {
      const count = within.reduce((sum, row) => sum + row.value, 0);
      results.push(aggregation.method === 'count' ? count : count / (lengthMs / 1000));
    },
  });
  return results;
}

/** Windows in which nothing was counted at all give no value. */
function rateWindows(
  aggregation: Aggregation & { type: 'rate' },
  windowMs: number,
  tags: Tags,
  view: MetricView,
): number[] {
  const passes = view.counterSeries(aggregation.name, tags);
  const totals = view.counterSeries(RATE_TOTALS[aggregation.name], tags);
  const rows = [
    ...passes.rows.map(({ atMs, value }) => ({ atMs, passes: value, total: 0 })),
    ...totals.rows.map(({ atMs, value }) => ({ atMs, passes: 0, total: value })),
  ];
  const results: number[] = [];
  slide(wholeSeconds({ ...totals, rows }), windowMs, {
    look: (within) => {
      const total = within.reduce((sum, row) => sum + row.total, 0);
      if (total > 0) results.push(within.reduce((sum, row) => sum + row.passes, 0) / total);
    },
  });
  return results;
}

function gaugeWindows(
  aggregation: Aggregation & { type: 'gauge' },
  windowMs: number,
  series: Series<GaugeSecond>,
): number[] {
  const results: number[] = [];
  slide(wholeSeconds(series), windowMs, {
    look: (within) => {
      if (within.length === 0) return;
      const values = within.map(({ value }) => value);
      if (aggregation.method === 'min') results.push(Math.min(...values));
      else if (aggregation.method === 'max') results.push(Math.max(...values));
      else results.push(values.reduce((sum, value) => sum + value, 0) / values.length);
    },
  });
  return results;
}

/** Without the seconds that are only in part in the phase. */
function wholeSeconds<Row>(series: Series<Row>): Series<Row> {
  return {
    ...series,
    startMs: wholeSecond(Math.ceil, series.startMs),
    endMs: wholeSecond(Math.floor, series.endMs),
  };
}

function wholeSecond(round: (value: number) => number, ms: number): number {
  return round(ms / 1000) * 1000;
}

/** Walk the window over the rows: each row enters once and leaves once. */
function slide<Row extends { atMs: number }>(
  { startMs, endMs, rows, live = false }: Series<Row>,
  windowMs: number,
  visit: {
    enter?: (row: Row) => void;
    leave?: (row: Row) => void;
    look: (rows: readonly Row[], lengthMs: number) => void;
  },
): void {
  const lengthMs = Math.min(windowMs, endMs - startMs);
  if (lengthMs <= 0 || (live && lengthMs < windowMs)) return;
  const firstMs = live ? Math.max(startMs, endMs - windowMs - LIVE_WINDOWS * 1000) : startMs;
  const sorted = rows.filter(({ atMs }) => atMs >= firstMs).sort((a, b) => a.atMs - b.atMs);
  let first = 0;
  let end = 0;
  for (let atMs = firstMs; atMs + lengthMs <= endMs; atMs += 1000) {
    for (; end < sorted.length && sorted[end]!.atMs < atMs + lengthMs; end++) visit.enter?.(sorted[end]!);
    for (; first < end && sorted[first]!.atMs < atMs; first++) visit.leave?.(sorted[first]!);
    visit.look(sorted.slice(first, end), lengthMs);
  }
}

/** HdrHistogram's getValueAtPercentile over occupied buckets: the first bucket by which ⌈percent of total⌉ samples are reached. */
function bucketPercentile(edges: Float64Array, counts: Float64Array, total: number, percent: number): number {
  const exact = (percent / 100) * total;
  // One unit in the last place less, as HdrHistogram does, so that a rounding error does not ask for one sample more.
  const wanted = Math.max(1, Math.ceil(exact - 2 ** (Math.floor(Math.log2(exact)) - 52)));
  let reached = 0;
  for (let i = 0; i < edges.length; i++) {
    reached += counts[i]!;
    if (reached >= wanted) return edges[i]!;
  }
  return edges.at(-1)!;
}
