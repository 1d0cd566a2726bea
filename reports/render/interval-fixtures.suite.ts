/** Histograms of seconds for the tests of what writes them, as a store would give them for the sample model. */
import { bucketIndex, highestEquivalentValue, MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { IntervalHistogram, SecondLoader, SourceSecond, TimeWindow } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';

export const START_MS = Date.UTC(2026, 2, 14, 9, 27, 0);

/** Of samples in µs. */
export function interval(second: number, samples: number[]): IntervalHistogram {
  const buckets = new Map<number, number>();
  for (const us of [...samples].sort((a, b) => a - b)) {
    const value = highestEquivalentValue(bucketIndex(us));
    buckets.set(value, (buckets.get(value) ?? 0) + 1);
  }
  return {
    atMs: START_MS + second * 1000,
    count: samples.length,
    sumUs: samples.reduce((sum, us) => sum + us, 0),
    minUs: Math.min(...samples),
    maxUs: Math.max(...samples),
    values: [...buckets.keys()],
    counts: [...buckets.values()],
  };
}

export function sourceSecond(second: number, source: string | null, samples: number[]): SourceSecond {
  const { atMs, ...row } = interval(second, samples);
  const histogram = new MergedHistogram();
  histogram.addRow(row);
  const ms = (level: number): number => histogram.percentile(level) / 1000;
  const levels = { p50: ms(50), p90: ms(90), p95: ms(95), p99: ms(99), p999: ms(99.9) };
  return { atMs, source, count: row.count, mean: histogram.mean / 1000, ...levels, max: row.maxUs / 1000 };
}

/** A store that holds these and nothing else. */
export function loaderOf(stored: {
  histograms?: Partial<Record<TrendName, IntervalHistogram[]>>;
  sources?: Partial<Record<TrendName, SourceSecond[]>>;
}): SecondLoader {
  return {
    histograms: async (metric, window) => within(stored.histograms?.[metric] ?? [], window),
    sources: async (metric, window) => within(stored.sources?.[metric] ?? [], window),
  };
}

function within<Second extends { atMs: number }>(seconds: Second[], { fromMs, toMs }: TimeWindow): Second[] {
  return seconds.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
}

/** All that is written. */
export async function textOf(chunks: AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const chunk of chunks) text += chunk;
  return text;
}

/** A run without a summary that has samples of these metrics. */
export function modelOf(metrics: TrendName[], fields: Partial<ReportModel> = {}): ReportModel {
  const point = { count: 1, p50: 1, p90: 1, p99: 1, p999: 1, max: 1 };
  const points = [0, 10].map((second) => ({ ...point, atMs: START_MS + second * 1_000 }));
  return {
    runId: 'a-run',
    status: 'interrupted',
    summary: null,
    scenarioText: '',
    command: '',
    percentiles: Object.fromEntries(metrics.map((metric) => [metric, points])),
    counters: {},
    gauges: {},
    distributions: [],
    heatMaps: [],
    ...fields,
  };
}
