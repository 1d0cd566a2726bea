/**
 * Everything that the agents and the node report in a run, merged as it comes: histograms per metric and phase, counters,
 * gauges. Bounded: what is kept per second is small, and the buckets of single seconds only where a windowed threshold asks.
 */
import type { RecentFigures } from '../coordinator/progress.ts';
import { MergedHistogram } from './histogram.ts';
import { createMetricView, type ViewOptions } from './metric-view.ts';
import {
  type CounterName,
  type GaugeName,
  type MetricName,
  RATE_TOTALS,
  type RateName,
  type TrendName,
} from './metrics.ts';
import type { CounterRow, GaugeRow, HistogramRow, Phase, SampleBatch } from './samples.ts';
import type { Threshold } from './thresholds.ts';
import type { MetricView } from './thresholds-evaluation.ts';

/** Which rows; of all sources and all streams where nothing is said. */
export interface Selection {
  source?: string | undefined;
  scenario?: string | undefined;
}

/** Seconds over which the progress display's percentiles reach. */
const RECENT_SECONDS = 5;
/** Agents report once a second, not all at the same moment. */
const AGENT_CPU_MS = 3_000;
const PHASES: readonly Phase[] = ['connect', 'warm-up', 'steady', 'drain'];
/** An agent that has said nothing for this long is not waited for. */
const SILENT_MS = 10_000;
export class RunMetrics {
  /** By metric, phase, source and scenario; empty for all of them. */
  #histograms = new Map<string, MergedHistogram>();
  #counters = new Map<string, number>();
  #counterSeconds = new Map<CounterName | RateName, CounterRow[]>();
  #histogramSeconds = new Map<TrendName, CompactRow[]>();
  #gaugeRows = new Map<GaugeName, GaugeRow[]>();
  /** Start of the last second that each process has reported, ms since the epoch. */
  #reported = new Map<string, number>();
  #scenarios = new Set<string>();
  #windowed: Set<MetricName>;
  #expected: ReadonlySet<MetricName>;
  #recent = { delivery_latency: [] as HistogramRow[], send_slip: [] as HistogramRow[] };
  #newestMs = 0;
  /** Rows handed over, to reconcile with rows stored. */
  rows = { histograms: 0, counters: 0, gauges: 0 };

  /** @param expected metrics that the run is to produce samples of. */
  constructor(thresholds: readonly Threshold[], expected: ReadonlySet<MetricName> = new Set()) {
    this.#expected = expected;
    const windowed = thresholds.filter(({ windowMs }) => windowMs !== null);
    this.#windowed = new Set(
      windowed.flatMap<MetricName>(({ aggregation: { type, name } }) =>
        type === 'rate' ? [name, RATE_TOTALS[name]] : [name],
      ),
    );
    // Always looked at second by second: the backlog, the progress display, what a message costs.
    this.#windowed.add('messages_sent').add('messages_delivered').add('deliveries_expected');
  }

  add(batch: SampleBatch): void {
    for (const row of batch.histograms) this.#addHistogram(row);
    for (const row of batch.counters) this.#addCounter(row);
    for (const row of batch.gauges) {
      append(this.#gaugeRows, row.metric, row);
      if (row.metric === 'agent_cpu') this.#reported.set(row.source, row.atMs);
    }
    this.rows.histograms += batch.histograms.length;
    this.rows.counters += batch.counters.length;
    this.rows.gauges += batch.gauges.length;
  }

  /** Known only when the ledger is closed. */
  addLost(count: number): void {
    increase(this.#counters, keyOf('messages_lost', 'steady', {}), count);
  }

  /** Streams of which rows came, in order of appearance. */
  get scenarios(): string[] {
    return [...this.#scenarios];
  }

  /** Up to here all agents have reported, ms since the epoch. */
  get completeUntilMs(): number {
    const newest = Math.max(0, ...this.#reported.values());
    const waitedFor = [...this.#reported.values()].filter((atMs) => atMs > newest - SILENT_MS);
    return Math.min(...waitedFor) + 1_000;
  }

  /** All phases together, or one; undefined when nothing was recorded. */
  histogram(metric: TrendName, phase: Phase | null, of: Selection = {}): MergedHistogram | undefined {
    if (phase !== null) return this.#histograms.get(keyOf(metric, phase, of));
    const parts = PHASES.flatMap((name) => this.#histograms.get(keyOf(metric, name, of)) ?? []);
    if (parts.length <= 1) return parts[0];
    const merged = new MergedHistogram();
    for (const part of parts) merged.add(part);
    return merged;
  }

  counter(metric: CounterName | RateName, phase: Phase | null, of: Selection = {}): number {
    const phases = phase === null ? PHASES : [phase];
    return phases.reduce((sum, name) => sum + (this.#counters.get(keyOf(metric, name, of)) ?? 0), 0);
  }

  /** Second by second; kept of messages sent, deliveries expected and made, and of what a windowed threshold looks at. */
  counterSeconds(metric: CounterName | RateName): readonly CounterRow[] {
    return this.#counterSeconds.get(metric) ?? [];
  }

  /** Kept of what a windowed threshold looks at. */
  histogramSeconds(metric: TrendName): readonly CompactRow[] {
    return this.#histogramSeconds.get(metric) ?? [];
  }

  gauges(metric: GaugeName): readonly GaugeRow[] {
    return this.#gaugeRows.get(metric) ?? [];
  }

  /** Is this run to produce samples of it? */
  expects(metric: TrendName | RateName): boolean {
    return this.#expected.has(metric);
  }

  /** Figures for the progress display. */
  recent(): RecentFigures {
    const delivery = merge(this.#recent.delivery_latency);
    const slip = merge(this.#recent.send_slip);
    return {
      sentPerSecond: this.#lastWholeSecond('messages_sent'),
      deliveredPerSecond: this.#lastWholeSecond('messages_delivered'),
      deliveryP50Ms: delivery.count > 0 ? delivery.percentile(50) / 1_000 : null,
      deliveryP99Ms: delivery.count > 0 ? delivery.percentile(99) / 1_000 : null,
      slipP99Ms: slip.count > 0 ? slip.percentile(99) / 1_000 : null,
      machineCpu: this.gauges('machine_cpu').at(-1)?.value ?? null,
      ...this.#agentCpu(),
    };
  }

  /** What thresholds look at. */
  view(options: ViewOptions): MetricView {
    return createMetricView(this, options);
  }

  #addHistogram(row: HistogramRow): void {
    if (row.scenario !== undefined) this.#scenarios.add(row.scenario);
    for (const key of keysOf(row)) {
      let merged = this.#histograms.get(key);
      if (merged === undefined) {
        merged = new MergedHistogram();
        this.#histograms.set(key, merged);
      }
      merged.addRow(row);
    }
    if (this.#windowed.has(row.metric)) append(this.#histogramSeconds, row.metric, compact(row));
    if (row.metric !== 'delivery_latency' && row.metric !== 'send_slip') return;
    const rows = this.#recent[row.metric];
    rows.push(row);
    const oldest = row.atMs - RECENT_SECONDS * 1_000;
    while (rows[0]!.atMs < oldest) rows.shift();
  }

  #addCounter(row: CounterRow): void {
    if (row.scenario !== undefined) this.#scenarios.add(row.scenario);
    for (const key of keysOf(row)) increase(this.#counters, key, row.value);
    if (this.#windowed.has(row.metric)) append(this.#counterSeconds, row.metric, row);
    this.#newestMs = Math.max(this.#newestMs, row.atMs);
  }

  /** By the last report of each agent that reported lately. */
  #agentCpu(): Pick<RecentFigures, 'agentCpu' | 'busiestAgentCpu'> {
    const rows = this.gauges('agent_cpu');
    const newestMs = rows.at(-1)?.atMs ?? 0;
    const cores = new Map<string, number>();
    for (let i = rows.length - 1; i >= 0 && rows[i]!.atMs > newestMs - AGENT_CPU_MS; i--) {
      const { source, value } = rows[i]!;
      if (!cores.has(source)) cores.set(source, value);
    }
    if (cores.size === 0) return { agentCpu: null, busiestAgentCpu: null };
    return {
      agentCpu: [...cores.values()].reduce((sum, value) => sum + value, 0),
      busiestAgentCpu: Math.max(...cores.values()),
    };
  }

  #lastWholeSecond(metric: CounterName): number {
    const rows = this.counterSeconds(metric);
    const second = this.#newestMs - 1_000;
    let count = 0;
    for (let i = rows.length - 1; i >= 0 && rows[i]!.atMs >= second; i--) {
      if (rows[i]!.atMs === second) count += rows[i]!.value;
    }
    return count;
  }
}

function merge(rows: readonly HistogramRow[]): MergedHistogram {
  const merged = new MergedHistogram();
  for (const row of rows) merged.addRow(row);
  return merged;
}

/** What is kept of many seconds. No value (µs of at most an hour) and no count of a second exceeds 32 bits. */
type CompactRow = Omit<HistogramRow, 'values' | 'counts'> & Record<'values' | 'counts', Uint32Array>;

function compact(row: HistogramRow): CompactRow {
  return { ...row, values: Uint32Array.from(row.values), counts: Uint32Array.from(row.counts) };
}

/** A row counts for all, for its source, for its stream, and for both. */
function keysOf({ metric, phase, source, scenario }: HistogramRow | CounterRow): string[] {
  const keys = [keyOf(metric, phase, {}), keyOf(metric, phase, { source })];
  if (scenario !== undefined) keys.push(keyOf(metric, phase, { scenario }), keyOf(metric, phase, { source, scenario }));
  return keys;
}

function keyOf(metric: MetricName, phase: Phase, { source = '', scenario = '' }: Selection): string {
  return `${metric}|${phase}|${source}|${scenario}`;
}

function append<Key, Row>(map: Map<Key, Row[]>, key: Key, row: Row): void {
  const rows = map.get(key);
  if (rows) rows.push(row);
  else map.set(key, [row]);
}

function increase(map: Map<string, number>, key: string, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by);
}
