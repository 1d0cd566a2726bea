/** Exact histograms of single seconds, for what needs more than the percentiles of a ReportModel. */
import type { TrendName } from '../loadgen/recorder/metrics.ts';

/** One metric's samples of one second, of all phases and streams. Microseconds; buckets as in HistogramRow. */
export interface IntervalHistogram {
  /** Start of the second, ms since the epoch. */
  atMs: number;
  /** `agent-0`, …; empty: of all that recorded. */
  source: string;
  /** Above 0. */
  count: number;
  sumUs: number;
  minUs: number;
  maxUs: number;
  values: number[];
  counts: number[];
}

export interface IntervalOptions {
  /** A histogram for each that recorded, instead of one for all. Default false. */
  bySource?: boolean;
}

/** Ascending in time, then by source. Seconds without samples are left out. One metric at a time, to bound the memory. */
export type LoadIntervals = (metric: TrendName, options?: IntervalOptions) => Promise<IntervalHistogram[]>;
