/** A latency as Prometheus' histogram: fixed ranges, so that those of several processes add up (`histogram_quantile`). */
import type { HistogramRow } from '../recorder/samples.ts';
import type { Labelled } from './load-families.ts';
import type { MetricFamily } from './prometheus-text.ts';

/** Upper ends of the ranges, seconds. */
export const LATENCY_BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;

/** Since the beginning of the run. */
export interface LatencyFigures {
  /** Samples of each range, not summed up; one more than there are bounds, for what lies beyond the last. */
  counts: number[];
  sumSeconds: number;
}

export class LatencyBuckets {
  #counts = LATENCY_BOUNDS.map(() => 0).concat(0);
  #sumUs = 0;

  add({ values, counts, sumUs }: HistogramRow): void {
    for (let i = 0; i < values.length; i++) {
      const range = LATENCY_BOUNDS.findIndex((bound) => values[i]! <= bound * 1e6);
      this.#counts[range < 0 ? LATENCY_BOUNDS.length : range]! += counts[i]!;
    }
    this.#sumUs += sumUs;
  }

  figures(): LatencyFigures {
    return { counts: [...this.#counts], sumSeconds: this.#sumUs / 1e6 };
  }
}

export function latencyFamily(name: string, help: string, of: Array<Labelled<LatencyFigures>>): MetricFamily {
  const samples = of.flatMap(({ labels, value: { counts, sumSeconds } }) => {
    let upTo = 0;
    const buckets = [...LATENCY_BOUNDS.map(String), '+Inf'].map((le, range) => {
      upTo += counts[range]!;
      return { suffix: '_bucket', labels: { ...labels, le }, value: upTo };
    });
    return [...buckets, { suffix: '_sum', labels, value: sumSeconds }, { suffix: '_count', labels, value: upTo }];
  });
  return { name, type: 'histogram', help, samples };
}
