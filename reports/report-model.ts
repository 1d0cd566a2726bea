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

export interface ReportModel {
  runId: string;
  status: 'running' | 'finished' | 'interrupted';
  /** Null when the run was cut short before it could be judged. */
  summary: RunSummary | null;
  /** Source text of the scenario, as it was run. */
  scenarioText: string;
  /** The command line that started the run, for "how to run it again". */
  command: string;
  /** Points lie so far apart, s; left out: a second. Of several seconds the worst, and the sum of what was counted. */
  stepSeconds?: number;
  /** Per metric, per second, all agents merged; seconds without samples are left out. */
  percentiles: Partial<Record<TrendName, PercentilePoint[]>>;
  /** Per counter, per second, all agents summed. */
  counters: Record<string, Array<{ atMs: number; value: number }>>;
  /** Per gauge and source, per second. */
  gauges: Partial<Record<GaugeName, Record<string, Array<{ atMs: number; value: number }>>>>;
  distributions: Distribution[];
}
