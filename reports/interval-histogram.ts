/** Figures of single seconds that are too many for a ReportModel: exact histograms, and percentiles of each agent. */
import type { TrendName } from '../loadgen/recorder/metrics.ts';

/** One metric's samples of one second, of all agents, phases and streams. Microseconds; buckets as in HistogramRow, in any order. */
export interface IntervalHistogram {
  /** Start of the second, ms since the epoch. */
  atMs: number;
  /** Above 0. */
  count: number;
  sumUs: number;
  minUs: number;
  maxUs: number;
  values: ArrayLike<number>;
  counts: ArrayLike<number>;
}

/** One metric's samples of one second, of one agent or of all. */
export interface SourceSecond {
  /** Start of the second, ms since the epoch. */
  atMs: number;
  /** `agent-0`, …; null: of all that recorded. */
  source: string | null;
  /** Above 0. */
  count: number;
  /** Milliseconds. */
  mean: number;
  p50: number;
  p90: number;
  p95: number;
  p99: number;
  p999: number;
  max: number;
}

/** Half open; whole seconds, ms since the epoch. */
export interface TimeWindow {
  fromMs: number;
  toMs: number;
}

/** A metric and a few minutes at a time, to bound the memory. Ascending in time; seconds without samples are left out. */
export interface SecondLoader {
  histograms(metric: TrendName, window: TimeWindow): Promise<IntervalHistogram[]>;
  /** In a second first all together, then each source. */
  sources(metric: TrendName, window: TimeWindow): Promise<SourceSecond[]>;
}
