/** What was measured, as thresholds look at it. */
import { type GaugeSecond, gaugeTotals } from './gauge-totals.ts';
import { type GaugeName, RATE_TOTALS, type RateName, type TrendName } from './metrics.ts';
import type { RunMetrics } from './run-metrics.ts';
import type { CounterRow, Phase } from './samples.ts';
import type { CounterSecond, HistogramSecond, MetricView, Series, TrendReading } from './thresholds-evaluation.ts';
import type { Tags } from './thresholds-selector.ts';

export interface ViewOptions {
  /** [start, end) of a phase, ms since the epoch; empty where it was not reached, up to now where it goes on. */
  windowOf: (phase: Phase) => { startMs: number; endMs: number };
  /** The run goes on: windows of a threshold are looked at as they become complete. Default false. */
  live?: boolean;
}

/** Trends whose samples mostly lie before the load. */
const WHOLE_RUN: ReadonlySet<TrendName> = new Set<TrendName>(['connect_latency', 'resume_latency']);

/** The phase that a trend is shown of; null: all. */
export function defaultPhase(metric: TrendName): Phase | null {
  return WHOLE_RUN.has(metric) ? null : 'steady';
}

export function createMetricView(metrics: RunMetrics, { windowOf, live = false }: ViewOptions): MetricView {
  const steady = windowOf('steady');
  const spanOf = (phase: Phase | null): { startMs: number; endMs: number } =>
    phase === null ? { startMs: windowOf('connect').startMs, endMs: windowOf('drain').endMs } : windowOf(phase);
  const series = <Row extends { atMs: number }>(phase: Phase | null, rows: Row[]): Series<Row> => {
    const { startMs, endMs } = spanOf(phase);
    if (!live) return { startMs, endMs, rows };
    const complete = metrics.completeUntilMs;
    return { startMs, endMs: Math.min(endMs, complete), rows: rows.filter(({ atMs }) => atMs < complete), live };
  };
  const gaugeSeconds = (metric: GaugeName, tags: Tags): GaugeSecond[] => {
    if (metric === 'server_cpu_microseconds_per_message') return serverCost(metrics, steady);
    const rows = metrics.gauges(metric);
    return gaugeTotals(metric, tags.source === undefined ? rows : rows.filter(({ source }) => source === tags.source));
  };
  return {
    trend: (metric, tags) => readTrend(metrics, metric, tags),
    counter: (metric, tags) => ({
      count: metrics.counter(metric, tags.phase ?? null, tags),
      rate: metrics.counter(metric, tags.phase ?? 'steady', tags) / seconds(windowOf(tags.phase ?? 'steady')),
    }),
    rate: (metric, tags) => readRate(metrics, metric, tags),
    gauge: (metric, tags) => readGauge(gaugeSeconds(metric, tags), tags, windowOf),
    trendSeries: (metric, tags) => {
      const phase = tags.phase ?? defaultPhase(metric);
      return series<HistogramSecond>(phase, matching(metrics.histogramSeconds(metric), phase, tags));
    },
    counterSeries: (metric, tags) => {
      const phase = tags.phase ?? 'steady';
      return series<CounterSecond>(phase, matching(metrics.counterSeconds(metric), phase, tags));
    },
    gaugeSeries: (metric, tags) => series(tags.phase ?? 'steady', gaugeSeconds(metric, tags)),
    expects: (metric) => steady.endMs > steady.startMs && metrics.expects(metric),
  };
}

function readTrend(metrics: RunMetrics, metric: TrendName, tags: Tags): TrendReading | undefined {
  const merged = metrics.histogram(metric, tags.phase ?? defaultPhase(metric), tags);
  if (merged === undefined) return undefined;
  return {
    count: merged.count,
    avg: merged.mean / 1_000,
    min: merged.min / 1_000,
    max: merged.max / 1_000,
    // A bucket's upper edge can lie up to 0.1% above the largest sample.
    percentile: (percent) => Math.min(merged.percentile(percent), merged.max) / 1_000,
  };
}

function readRate(metrics: RunMetrics, metric: RateName, tags: Tags): { passes: number; total: number } {
  const phase = tags.phase ?? 'steady';
  return { passes: metrics.counter(metric, phase, tags), total: metrics.counter(RATE_TOTALS[metric], phase, tags) };
}

function readGauge(all: GaugeSecond[], tags: Tags, windowOf: ViewOptions['windowOf']): ReturnType<MetricView['gauge']> {
  const within = secondsWithin(all, windowOf(tags.phase ?? 'steady'));
  const last = (tags.phase === undefined ? all : within).at(-1);
  const values = within.map(({ value }) => value);
  return {
    ...(last && { value: last.value }),
    ...(values.length > 0 && {
      avg: values.reduce((sum, value) => sum + value, 0) / values.length,
      min: Math.min(...values),
      max: Math.max(...values),
    }),
  };
}

/** From the start of the steady phase to each of its seconds: cores used, over messages sent a second. µs a message. */
export function serverCost(metrics: RunMetrics, steady: { startMs: number; endMs: number }): GaugeSecond[] {
  const cores = secondsWithin(gaugeTotals('server_cpu', metrics.gauges('server_cpu')), steady);
  if (cores.length === 0) return [];
  const sent = new Map<number, number>();
  for (const { atMs, value } of metrics.counterSeconds('messages_sent')) sent.set(atMs, (sent.get(atMs) ?? 0) + value);
  let cpuSeconds = 0;
  let messages = 0;
  return cores.flatMap(({ atMs, value }) => {
    cpuSeconds += value;
    messages += sent.get(atMs) ?? 0;
    return messages === 0 ? [] : [{ atMs, value: (cpuSeconds * 1e6) / messages }];
  });
}

function secondsWithin(all: GaugeSecond[], { startMs, endMs }: { startMs: number; endMs: number }): GaugeSecond[] {
  return all.filter(({ atMs }) => atMs >= startMs && atMs + 1_000 <= endMs);
}

function matching<Row extends Pick<CounterRow, 'phase' | 'source' | 'scenario'>>(
  rows: readonly Row[],
  phase: Phase | null,
  { source, scenario }: Tags,
): Row[] {
  return rows.filter(
    (row) =>
      (phase === null || row.phase === phase) &&
      (source === undefined || row.source === source) &&
      (scenario === undefined || row.scenario === scenario),
  );
}

function seconds({ startMs, endMs }: { startMs: number; endMs: number }): number {
  return Math.max((endMs - startMs) / 1_000, 1);
}
