/** Histograms of seconds for the tests of what writes them, as a store would give them for the sample model. */
import { bucketIndex, highestEquivalentValue } from '../../loadgen/recorder/histogram.ts';
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { IntervalHistogram, LoadIntervals } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';

export const START_MS = Date.UTC(2026, 2, 14, 9, 27, 0);

/** Of samples in µs. */
export function interval(second: number, source: string, samples: number[]): IntervalHistogram {
  const buckets = new Map<number, number>();
  for (const us of [...samples].sort((a, b) => a - b)) {
    const value = highestEquivalentValue(bucketIndex(us));
    buckets.set(value, (buckets.get(value) ?? 0) + 1);
  }
  return {
    atMs: START_MS + second * 1000,
    source,
    count: samples.length,
    sumUs: samples.reduce((sum, us) => sum + us, 0),
    minUs: Math.min(...samples),
    maxUs: Math.max(...samples),
    values: [...buckets.keys()],
    counts: [...buckets.values()],
  };
}

/** A store that holds these and nothing else. */
export function loaderOf(stored: Partial<Record<TrendName, IntervalHistogram[]>>): LoadIntervals {
  return async (metric) => stored[metric] ?? [];
}

/** A run without a summary that has samples of these metrics. */
export function modelOf(metrics: TrendName[], fields: Partial<ReportModel> = {}): ReportModel {
  const point = { atMs: START_MS, count: 1, p50: 1, p90: 1, p99: 1, p999: 1, max: 1 };
  return {
    runId: 'a-run',
    status: 'interrupted',
    summary: null,
    scenarioText: '',
    command: '',
    percentiles: Object.fromEntries(metrics.map((metric) => [metric, [point]])),
    counters: {},
    gauges: {},
    distributions: [],
    heatMaps: [],
    ...fields,
  };
}
