/** What a store would have made of single samples, and the made-up samples themselves, for sample-model.ts. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { TrendValues } from '../../loadgen/recorder/summary.ts';
import { buildHeatMap, heatRow, heatStep } from '../heat-map.ts';
import type { Distribution, HeatMap, PercentilePoint } from '../report-model.ts';

/** One for each metric but service times, from the samples of each second, ms. */
export function heatMaps(startMs: number, recorded: Map<TrendName, number[][]>): HeatMap[] {
  return [...recorded]
    .filter(([metric]) => !metric.endsWith('_service'))
    .map(([metric, seconds]) => {
      const stepSeconds = heatStep(seconds.length);
      const cells = seconds.flatMap((samples, second) =>
        samples.map((ms) => ({ column: Math.floor(second / stepSeconds), row: heatRow(ms * 1000), count: 1 })),
      );
      return buildHeatMap({ metric, startMs, stepSeconds }, cells);
    });
}

export function point(atMs: number, samples: number[]): PercentilePoint {
  const sorted = [...samples].sort((a, b) => a - b);
  const q = (share: number) => rankValue(sorted, share);
  return { atMs, count: sorted.length, p50: q(0.5), p90: q(0.9), p99: q(0.99), p999: q(0.999), max: sorted.at(-1)! };
}

export function trend(samples: number[]): TrendValues {
  if (samples.length === 0)
    return { count: 0, avg: 0, min: 0, med: 0, max: 0, 'p(90)': 0, 'p(95)': 0, 'p(99)': 0, 'p(99.9)': 0 };
  const sorted = [...samples].sort((a, b) => a - b);
  const q = (share: number) => rankValue(sorted, share);
  const avg = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  const tail = { 'p(90)': q(0.9), 'p(95)': q(0.95), 'p(99)': q(0.99), 'p(99.9)': q(0.999) };
  return { count: sorted.length, avg, min: sorted[0]!, med: q(0.5), max: sorted.at(-1)!, ...tail };
}

export function distribution(metric: TrendName, phase: Distribution['phase'], samples: number[]): Distribution {
  const buckets = new Map<number, number>();
  for (const sample of samples) {
    const edge = Number(sample.toPrecision(3));
    buckets.set(edge, (buckets.get(edge) ?? 0) + 1);
  }
  const values = [...buckets.keys()].sort((a, b) => a - b);
  const maxMs = samples.reduce((max, sample) => Math.max(max, sample), 0);
  return { metric, phase, count: samples.length, maxMs, values, counts: values.map((value) => buckets.get(value)!) };
}

function rankValue(sorted: number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
}

export function sumPerSecond(sources: Record<string, Array<{ value: number }>>, seconds: number): number[] {
  return Array.from({ length: seconds }, (_, second) =>
    Object.values(sources).reduce((sum, points) => sum + points[second]!.value, 0),
  );
}

export function lognormal(random: () => number, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return median * Math.exp(sigma * normal);
}

/** Tommy Ettinger's 32-bit generator: small, seedable, good enough for samples. */
export function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
