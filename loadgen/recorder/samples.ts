/**
 * Rows that a run produces, once a second and process. They travel from the agents to the coordinator and from there,
 * unchanged, to the results store.
 */
import type { CounterName, GaugeName, RateName, TrendName } from './metrics.ts';

/** The part of a run in which a message was *intended* to be sent. Thresholds look at `steady` only. */
export type Phase = 'connect' | 'warm-up' | 'steady' | 'drain';

/**
 * One interval histogram: what one process recorded of one metric in one second, as the occupied buckets of an
 * HdrHistogram (3 significant digits, microseconds, 1 µs to 3,600 s).
 */
export interface HistogramRow {
  /** Start of the second, ms since the epoch, coordinator clock. */
  atMs: number;
  /** Who recorded it: `agent-0`, … */
  source: string;
  metric: TrendName;
  phase: Phase;
  /** The stream of messages that the samples belong to, by its name in the scenario; left out where there is only one. */
  scenario?: string;
  count: number;
  sumUs: number;
  /** Exact extremes, not bucket edges. */
  minUs: number;
  maxUs: number;
  /** highestEquivalentValue of each occupied bucket, ascending, µs. */
  values: number[];
  /** Samples in each of these buckets. */
  counts: number[];
}

export interface CounterRow {
  atMs: number;
  source: string;
  metric: CounterName | RateName;
  phase: Phase;
  /** As in HistogramRow. */
  scenario?: string;
  /** Increase within the second. */
  value: number;
}

export interface GaugeRow {
  atMs: number;
  /** `agent-0`, `shard-1`, `node`, `machine`, `http-load`; `run`: a figure of the whole. */
  source: string;
  metric: GaugeName;
  value: number;
}

export interface SampleBatch {
  histograms: HistogramRow[];
  counters: CounterRow[];
  gauges: GaugeRow[];
}
