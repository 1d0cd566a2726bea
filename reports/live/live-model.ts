/**
 * What a report shows, gathered in memory from the rows of a run as they come: for those who look while it goes on, and where
 * the results store can't be asked. Says what the store would say, to the last digit, of runs of up to 15 minutes; of longer
 * ones in coarser steps, so that memory stays bounded.
 */
import { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import type { GaugeName, TrendName } from '../../loadgen/recorder/metrics.ts';
import type { GaugeRow, HistogramRow, Phase, SampleBatch } from '../../loadgen/recorder/samples.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { Distribution, ReportModel } from '../report-model.ts';
import { PercentileSeries } from './percentile-series.ts';
import { type Series, Timeline } from './timeline.ts';

export type LiveModelRun = Pick<ReportModel, 'runId' | 'scenarioText' | 'command'>;

interface ValuePoint {
  atMs: number;
  value: number;
}

export class LiveModel {
  readonly run: LiveModelRun;
  #timeline = new Timeline();
  #percentiles = new Map<TrendName, PercentileSeries>();
  #counters = new Map<string, Series<ValuePoint>>();
  #gauges = new Map<GaugeName, Map<string, Series<ValuePoint>>>();
  #distributions = new Map<TrendName, Map<Phase, MergedHistogram>>();

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
    const distributions = [...this.#distributions].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      ...this.run,
      status: summary === null ? 'running' : 'finished',
      summary,
      ...(this.#timeline.stepSeconds > 1 && { stepSeconds: this.#timeline.stepSeconds }),
      percentiles: mapped(this.#percentiles, (series) => series.points()),
      counters: mapped(this.#counters, ({ points }) => points),
      gauges: mapped(this.#gauges, (sources) => mapped(sources, ({ points }) => points)),
      distributions: distributions.flatMap(([metric, phases]) => distributionsOf(metric, phases)),
      heatMaps: [],
    };
  }

  #addHistogram(row: HistogramRow): void {
    if (row.count === 0) return;
    found(this.#percentiles, row.metric, () => new PercentileSeries(this.#timeline)).add(row);
    const phases = found(this.#distributions, row.metric, () => new Map<Phase, MergedHistogram>());
    found(phases, row.phase, () => new MergedHistogram()).addRow(row);
  }

  #addGauge({ metric, source, atMs, value }: GaugeRow): void {
    const sources = found(this.#gauges, metric, () => new Map<string, Series<ValuePoint>>());
    found(sources, source, () => this.#timeline.series<ValuePoint>(joinHighest)).add({ atMs, value });
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

function joinSum(into: ValuePoint, { value }: ValuePoint): void {
  into.value += value;
}

function joinHighest(into: ValuePoint, { value }: ValuePoint): void {
  into.value = Math.max(into.value, value);
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
