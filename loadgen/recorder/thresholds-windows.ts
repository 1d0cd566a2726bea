/** Sliding windows over per-second rows, a step of one second. */
import type { Aggregation, Tags } from './thresholds.ts';
import type { CounterSecond, HistogramSecond, MetricView, Series } from './thresholds-evaluation.ts';

/**
 * The aggregate of every window that lies within the series; of the whole series where it is shorter than one window.
 *
 * Trend windows without a sample give no value: a message is recorded in the second in which it arrives, so a stall shows in
 * the windows after it, and messages that never arrive are the ledger's to report.
 */
export function windowValues(aggregation: Aggregation, windowMs: number, tags: Tags, view: MetricView): number[] {
  if (aggregation.type === 'trend')
    return trendWindows(aggregation, windowMs, view.trendSeries(aggregation.name, tags));
  if (aggregation.type === 'counter')
    return counterWindows(aggregation, windowMs, view.counterSeries(aggregation.name, tags));
  return [];
}

/** Seconds that are partly in the phase count, and so do late arrivals after its end: no sample escapes every window. */
function trendWindows(
  aggregation: Aggregation & { type: 'trend' },
  windowMs: number,
  series: Series<HistogramSecond>,
): number[] {
  const rows = series.rows.filter((row) => row.count > 0);
  const startMs = rows.reduce((least, row) => Math.min(least, row.atMs), wholeSecond(Math.floor, series.startMs));
  const endMs = rows.reduce((most, row) => Math.max(most, row.atMs + 1000), wholeSecond(Math.ceil, series.endMs));

  const edges = Float64Array.from(new Set(rows.flatMap((row) => row.values))).sort();
  const indexOf = new Map(Array.from(edges, (edge, index) => [edge, index]));
  const counts = new Float64Array(edges.length);
  const add = (row: HistogramSecond, sign: 1 | -1) => {
    row.values.forEach((value, i) => {
      counts[indexOf.get(value)!]! += sign * row.counts[i]!;
    });
  };

  const results: number[] = [];
  slide({ startMs, endMs, rows }, windowMs, {
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
  if (aggregation.method === 'percentile') return bucketPercentile(edges, counts, total, aggregation.percentile);
  if (aggregation.method === 'avg') return rows.reduce((sum, row) => sum + row.sumUs, 0) / total;
  if (aggregation.method === 'min') return Math.min(...rows.map((row) => row.minUs));
  return Math.max(...rows.map((row) => row.maxUs));
}

/** Only whole seconds of the phase: a part of a second would look like a lower rate. */
function counterWindows(
  aggregation: Aggregation & { type: 'counter' },
  windowMs: number,
  series: Series<CounterSecond>,
): number[] {
  const startMs = wholeSecond(Math.ceil, series.startMs);
  const endMs = wholeSecond(Math.floor, series.endMs);
  const results: number[] = [];
  slide({ startMs, endMs, rows: series.rows }, windowMs, {
    look: (within, lengthMs) => {
      const count = within.reduce((sum, row) => sum + row.value, 0);
      results.push(aggregation.method === 'count' ? count : count / (lengthMs / 1000));
    },
  });
  return results;
}

function wholeSecond(round: (value: number) => number, ms: number): number {
  return round(ms / 1000) * 1000;
}

/** Walk the window over the rows: each row enters once and leaves once. */
function slide<Row extends { atMs: number }>(
  { startMs, endMs, rows }: Series<Row>,
  windowMs: number,
  visit: {
    enter?: (row: Row) => void;
    leave?: (row: Row) => void;
    look: (rows: readonly Row[], lengthMs: number) => void;
  },
): void {
  const sorted = [...rows].sort((a, b) => a.atMs - b.atMs);
  const lengthMs = Math.min(windowMs, endMs - startMs);
  if (lengthMs <= 0) return;
  let first = 0;
  let end = 0;
  for (let atMs = startMs; atMs + lengthMs <= endMs; atMs += 1000) {
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
