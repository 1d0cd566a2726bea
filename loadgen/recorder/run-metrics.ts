/**
 * Everything that the agents and the node report in a run, merged as it comes: histograms per metric and phase, counters,
 * gauges. Bounded: what is kept per second is small, and the buckets of single seconds only where a windowed threshold asks.
 */
import type { RecentFigures } from '../coordinator/progress.ts';
import { MergedHistogram } from './histogram.ts';
import type { CounterName, GaugeName, TrendName } from './metrics.ts';
import type { CounterRow, GaugeRow, HistogramRow, Phase, SampleBatch } from './samples.ts';
import type { Tags, Threshold } from './thresholds.ts';
import type { CounterSecond, HistogramSecond, MetricView, Series, TrendReading } from './thresholds-evaluation.ts';

/** Seconds over which the progress display's percentiles reach. */
const RECENT_SECONDS = 5;
const EXPECTED: ReadonlySet<TrendName> = new Set<TrendName>([
  'connect_latency',
  'sent_latency',
  'sent_latency_service',
  'delivery_latency',
  'delivery_latency_service',
  'delivered_latency',
  'delivered_latency_service',
  'send_slip',
]);

export class RunMetrics {
  #histograms = new Map<string, MergedHistogram>();
  #counters = new Map<string, number>();
  #counterSeconds: CounterRow[] = [];
  #gaugeRows: GaugeRow[] = [];
  #windowed: Set<TrendName>;
  #sends: boolean;
  #histogramSeconds: HistogramRow[] = [];
  #recent: HistogramRow[] = [];
  /** Rows handed over, to reconcile with rows stored. */
  rows = { histograms: 0, counters: 0, gauges: 0 };

  /** `sends`: whether the run sends messages at all. */
  constructor(thresholds: readonly Threshold[], sends = true) {
    this.#sends = sends;
    this.#windowed = new Set(
      thresholds.flatMap(({ windowMs, aggregation }) =>
        windowMs !== null && aggregation.type === 'trend' ? [aggregation.name] : [],
      ),
    );
  }

  add(batch: SampleBatch): void {
    for (const row of batch.histograms) this.#addHistogram(row);
    for (const row of batch.counters) {
      increase(this.#counters, `${row.metric}|${row.phase}|`, row.value);
      increase(this.#counters, `${row.metric}|${row.phase}|${row.source}`, row.value);
      this.#counterSeconds.push(row);
    }
    this.#gaugeRows.push(...batch.gauges);
    this.rows.histograms += batch.histograms.length;
    this.rows.counters += batch.counters.length;
    this.rows.gauges += batch.gauges.length;
  }

  /** Known only when the ledger is closed. */
  addLost(count: number): void {
    increase(this.#counters, 'messages_lost|steady|', count);
  }

  /** All phases together, or one; undefined when nothing was recorded. */
  histogram(metric: TrendName, phase: Phase | null, source = ''): MergedHistogram | undefined {
    if (phase !== null) return this.#histograms.get(`${metric}|${phase}|${source}`);
    const parts = (['connect', 'warm-up', 'steady', 'drain'] as const).flatMap(
      (name) => this.#histograms.get(`${metric}|${name}|${source}`) ?? [],
    );
    if (parts.length <= 1) return parts[0];
    const merged = new MergedHistogram();
    for (const part of parts) merged.add(part);
    return merged;
  }

  counter(metric: CounterName, phase: Phase | null, source = ''): number {
    if (phase !== null) return this.#counters.get(`${metric}|${phase}|${source}`) ?? 0;
    return (['connect', 'warm-up', 'steady', 'drain'] as const).reduce(
      (sum, name) => sum + (this.#counters.get(`${metric}|${name}|${source}`) ?? 0),
      0,
    );
  }

  counterSeconds(): readonly CounterRow[] {
    return this.#counterSeconds;
  }

  gauges(metric: GaugeName): GaugeRow[] {
    return this.#gaugeRows.filter((row) => row.metric === metric);
  }

  /** Figures for the progress display. */
  recent(): RecentFigures {
    const newest = this.#counterSeconds.at(-1)?.atMs ?? 0;
    let sent = 0;
    let delivered = 0;
    for (let i = this.#counterSeconds.length - 1; i >= 0 && this.#counterSeconds[i]!.atMs >= newest - 1_000; i--) {
      const row = this.#counterSeconds[i]!;
      if (row.atMs !== newest - 1_000) continue;
      if (row.metric === 'messages_sent') sent += row.value;
      else if (row.metric === 'messages_delivered') delivered += row.value;
    }
    const merged = new MergedHistogram();
    for (const row of this.#recent) merged.addRow(row);
    return {
      sentPerSecond: sent,
      deliveredPerSecond: delivered,
      deliveryP50Ms: merged.count > 0 ? merged.percentile(50) / 1_000 : null,
      deliveryP99Ms: merged.count > 0 ? merged.percentile(99) / 1_000 : null,
    };
  }

  /** What thresholds look at. `steady` in ms since the epoch. */
  view(steady: { startMs: number; endMs: number }): MetricView {
    return {
      trend: (metric, tags) => this.#trend(metric, tags),
      counter: (metric, tags) => ({
        count: this.counter(metric, tags.phase ?? null, tags.source),
        rate:
          this.counter(metric, tags.phase ?? 'steady', tags.source) /
          Math.max((steady.endMs - steady.startMs) / 1_000, 1),
      }),
      gauge: (metric, tags) =>
        this.#gaugeRows.findLast((row) => row.metric === metric && (!tags.source || row.source === tags.source))?.value,
      trendSeries: (metric, tags) =>
        this.#series(
          steady,
          tags,
          this.#histogramSeconds.filter((row) => row.metric === metric),
        ),
      counterSeries: (metric, tags) =>
        this.#series(
          steady,
          tags,
          this.#counterSeconds.filter((row) => row.metric === metric),
        ),
      expects: (metric) => EXPECTED.has(metric) && (this.#sends || metric === 'connect_latency'),
    };
  }

  #addHistogram(row: HistogramRow): void {
    for (const key of [`${row.metric}|${row.phase}|`, `${row.metric}|${row.phase}|${row.source}`]) {
      let merged = this.#histograms.get(key);
      if (merged === undefined) {
        merged = new MergedHistogram();
        this.#histograms.set(key, merged);
      }
      merged.addRow(row);
    }
    if (this.#windowed.has(row.metric)) this.#histogramSeconds.push(row);
    if (row.metric !== 'delivery_latency') return;
    this.#recent.push(row);
    const oldest = row.atMs - RECENT_SECONDS * 1_000;
    while (this.#recent[0]!.atMs < oldest) this.#recent.shift();
  }

  #trend(metric: TrendName, tags: Tags): TrendReading | undefined {
    const phase = tags.phase ?? (metric === 'connect_latency' || metric === 'resume_latency' ? null : 'steady');
    const merged = this.histogram(metric, phase, tags.source);
    if (merged === undefined) return undefined;
    return {
      count: merged.count,
      avg: merged.mean / 1_000,
      min: merged.min / 1_000,
      max: merged.max / 1_000,
      percentile: (percent) => merged.percentile(percent) / 1_000,
    };
  }

  #series<Row extends (HistogramSecond | CounterSecond) & { phase: Phase; source: string }>(
    steady: { startMs: number; endMs: number },
    tags: Tags,
    rows: Row[],
  ): Series<Row> {
    const phase = tags.phase ?? 'steady';
    return {
      ...steady,
      rows: rows.filter((row) => row.phase === phase && (!tags.source || row.source === tags.source)),
    };
  }
}

function increase(map: Map<string, number>, key: string, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by);
}
