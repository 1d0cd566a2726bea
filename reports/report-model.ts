/** All that a report shows of one run, gathered from the results store; renderers take it and nothing else. */
import type { GaugeName, TrendName } from '../loadgen/recorder/metrics.ts';
import type { Phase } from '../loadgen/recorder/samples.ts';
import type { RunSummary } from '../loadgen/recorder/summary.ts';

export interface PercentilePoint {
  /** Start of the second, ms since the epoch. */
  atMs: number;
  count: number;
  /** Milliseconds. */
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
}

/** Occupied buckets of a merged histogram: `values` in ms ascending, `counts` beside them. */
export interface Distribution {
  metric: TrendName;
  phase: Phase | 'all';
  count: number;
  maxMs: number;
  values: number[];
  counts: number[];
}

/** Samples counted by time and by latency: column `i` begins at `startMs + i × 1000 × stepSeconds`. */
export interface HeatMap {
  metric: TrendName;
  startMs: number;
  stepSeconds: number;
  /** Row `r` holds latencies from 2^(r ÷ rowsPerOctave) µs up to the next row's. */
  rowsPerOctave: number;
  /** Per column its lowest occupied row, and the samples in each row from there up; `counts` is empty without samples. */
  columns: Array<{ row: number; counts: number[] }>;
}

export interface ReportModel {
  runId: string;
  /** As it was given; left out or empty: none was. */
  name?: string;
  status: 'running' | 'finished' | 'interrupted';
  /** Null when the run was cut short before it could be judged. */
  summary: RunSummary | null;
  /** Source text of the scenario, as it was run. */
  scenarioText: string;
  /** The command line that started the run, for "how to run it again". */
  command: string;
  /**
   * Points lie so far apart, s; left out: a second. Of several seconds the worst (of connections the fewest, of other levels the
   * highest), and the sum of what was counted. A stored run of over an hour is folded like that after its first minute.
   */
  stepSeconds?: number;
  /** Per metric, per second, all agents merged; seconds without samples are left out. */
  percentiles: Partial<Record<TrendName, PercentilePoint[]>>;
  /** Per counter, per second, all agents summed. */
  counters: Record<string, Array<{ atMs: number; value: number }>>;
  /** Per gauge and source, per second. */
  gauges: Partial<Record<GaugeName, Record<string, Array<{ atMs: number; value: number }>>>>;
  distributions: Distribution[];
  /** One a latency metric that has samples, service times left out. */
  heatMaps: HeatMap[];
}
