/**
 * What a report shows, gathered in memory from the rows of a run as they come: for those who look while it goes on, and where
 * the results store can't be asked. Says what the store would say, to the last digit, of runs of up to 15 minutes; of longer
 * ones in coarser steps, so that memory stays bounded.
 */
import { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import { type GaugeName, TRENDS, type TrendName } from '../../loadgen/recorder/metrics.ts';
import type { GaugeRow, HistogramRow, Phase, SampleBatch } from '../../loadgen/recorder/samples.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { Distribution, ReportModel } from '../report-model.ts';
import { heatMapOf } from './heat-series.ts';
import { LatencySeries } from './latency-series.ts';
import { type Series, Timeline } from './timeline.ts';

/** An agent that has said nothing for this long is not waited for. */
const SILENT_MS = 10_000;

export type LiveModelRun = Pick<ReportModel, 'runId' | 'scenarioText' | 'command'>;

type Spreads = Pick<ReportModel, 'distributions' | 'heatMaps'>;

interface ValuePoint {
  atMs: number;
  value: number;
}

export class LiveModel {
  readonly run: LiveModelRun;
  #timeline = new Timeline();
  #latencies = new Map<TrendName, LatencySeries>();
  #counters = new Map<string, Series<ValuePoint>>();
  #gauges = new Map<GaugeName, Map<string, Series<ValuePoint>>>();
  #distributions = new Map<TrendName, Map<Phase, MergedHistogram>>();
  /** Start of the last second that each agent reported. */
  #lastHeardMs = new Map<string, number>();

  constructor(run: LiveModelRun) {
    this.run = run;
  }

  /** Keeps the rows of the last seconds by reference: they must not be changed. Throws RangeError as MergedHistogram does. */
  add(batch: SampleBatch): void {
    for (const row of batch.histograms) this.#addHistogram(row);
    for (const { metric, atMs, value } of batch.counters) {
      found(this.#counters, metric, () => this.#timeline.series<ValuePoint>(joinSum)).add({ atMs, value });
    }
    for (const row of batch.gauges) this.#addGauge(row);
  }

  /** The status is that of the summary: without one the run is still running. The model is to be used before the next `add`. */
  model(summary: RunSummary | null = null): ReportModel {
    return { ...this.lines(summary), ...this.spreads() };
  }

  /** What goes on from second to second, and is cheap to ask for. To be used before the next `add`. */
  lines(summary: RunSummary | null = null): Omit<ReportModel, keyof Spreads> {
    return this.#linesUntil(Number.POSITIVE_INFINITY, summary);
  }

  /** As `lines`, without the newest seconds, of which some agents have not reported yet: rates would seem to fall. */
  wholeLines(summary: RunSummary | null = null): Omit<ReportModel, keyof Spreads> {
    return this.#linesUntil(this.completeUntilMs, summary);
  }

  #linesUntil(untilMs: number, summary: RunSummary | null): Omit<ReportModel, keyof Spreads> {
    const { stepSeconds } = this.#timeline;
    const latestMs = untilMs - 1_000 * stepSeconds;
    const until = <Point extends { atMs: number }>(points: Point[]) => pointsUntil(points, latestMs);
    return {
      ...this.run,
      status: summary === null ? 'running' : 'finished',
      summary,
      stepSeconds,
      percentiles: mapped(this.#latencies, (series) => until(series.percentiles())),
      counters: mapped(this.#counters, ({ points }) => until(points)),
      gauges: mapped(this.#gauges, (sources) => mapped(sources, ({ points }) => until(points))),
    };
  }

  /** Up to here all agents have reported that did so lately, ms since the epoch; Infinity before the first report. */
  get completeUntilMs(): number {
    const last = [...this.#lastHeardMs.values()];
    const newest = Math.max(...last);
    return Math.min(...last.filter((atMs) => atMs > newest - SILENT_MS)) + 1_000;
  }

  /** What all samples so far say together. */
  spreads(): Spreads {
    const distributions = [...this.#distributions].sort(([a], [b]) => (a < b ? -1 : 1));
    const heat = TRENDS.flatMap((metric) => {
      const points = metric.endsWith('_service') ? [] : (this.#latencies.get(metric)?.heat() ?? []);
      return points.length === 0 ? [] : [heatMapOf(metric, points, this.#timeline.stepSeconds)];
    });
    return {
      distributions: distributions.flatMap(([metric, phases]) => distributionsOf(metric, phases)),
      heatMaps: heat,
    };
  }

  #addHistogram(row: HistogramRow): void {
    if (row.count === 0) return;
    found(this.#latencies, row.metric, () => new LatencySeries(this.#timeline)).add(row);
    const phases = found(this.#distributions, row.metric, () => new Map<Phase, MergedHistogram>());
    found(phases, row.phase, () => new MergedHistogram()).addRow(row);
  }

  #addGauge({ metric, source, atMs, value }: GaugeRow): void {
    if (metric === 'agent_cpu') this.#lastHeardMs.set(source, atMs);
    const sources = found(this.#gauges, metric, () => new Map<string, Series<ValuePoint>>());
    // Of connections the fewest are the worst, of everything else the most.
    const join = metric === 'connections' ? joinLowest : joinHighest;
    found(sources, source, () => this.#timeline.series<ValuePoint>(join)).add({ atMs, value });
  }
}

/** The whole run and, where it has samples of it, its steady phase. */
function distributionsOf(metric: TrendName, phases: Map<Phase, MergedHistogram>): Distribution[] {
  const all = new MergedHistogram();
  for (const part of phases.values()) all.add(part);
  const steady = phases.get('steady');
  return [...(steady ? [distribution(metric, 'steady', steady)] : []), distribution(metric, 'all', all)];
}

function distribution(metric: TrendName, phase: Distribution['phase'], merged: MergedHistogram): Distribution {
  const { values, counts } = merged.buckets();
  return {
    metric,
    phase,
    count: merged.count,
    maxMs: merged.max / 1_000,
    values: values.map((us) => us / 1_000),
    counts,
  };
}

function pointsUntil<Point extends { atMs: number }>(points: Point[], latestMs: number): Point[] {
  let length = points.length;
  while (length > 0 && points[length - 1]!.atMs > latestMs) length--;
  return length === points.length ? points : points.slice(0, length);
}

function joinSum(into: ValuePoint, { value }: ValuePoint): void {
  into.value += value;
}

function joinHighest(into: ValuePoint, { value }: ValuePoint): void {
  into.value = Math.max(into.value, value);
}

function joinLowest(into: ValuePoint, { value }: ValuePoint): void {
  into.value = Math.min(into.value, value);
}

function found<Key, Value>(map: Map<Key, Value>, key: Key, create: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}

function mapped<Key extends string, From, To>(map: Map<Key, From>, to: (from: From) => To): Record<Key, To> {
  return Object.fromEntries([...map].map(([key, value]) => [key, to(value)])) as Record<Key, To>;
}
