/** The steady phase of one stored run second by second, all agents merged: what a comparison resamples. */
import type { CounterName, GaugeName, TrendName } from '../loadgen/recorder/metrics.ts';
import type { RunSummary } from '../loadgen/recorder/summary.ts';

export interface RunSeconds {
  runId: string;
  name: string;
  tags: Record<string, string>;
  startedAtMs: number;
  scenario: string;
  scenarioText: string;
  seed: number;
  /** The machine, as it was stored when the run began. */
  environment: Record<string, unknown>;
  status: 'running' | 'finished' | 'interrupted';
  /** Null when the run was cut short before it could be judged. */
  summary: RunSummary | null;
  /** First second with samples of the steady phase, ms since the epoch; 0 without any. */
  startMs: number;
  /** From that second to the last one with samples of the steady phase. */
  seconds: number;
  /**
   * Of `seconds`, the index of the first that lies whole in the steady phase, and of the first after it that does not:
   * rates are taken over these only. The others are cut by the phase's edges, or hold what came late.
   */
  whole: { from: number; to: number };
  trends: Partial<Record<TrendName, TrendSeconds>>;
  /** Per second, from `startMs`; 0 where nothing was counted. */
  counters: Partial<Record<CounterName, Float64Array>>;
  /** Per second, summed over processes; NaN where a second has no row. */
  gauges: Partial<Record<GaugeName, Float64Array>>;
}

/**
 * Histograms of consecutive seconds, their occupied buckets in a row: those of second `i` are `starts[i]` up to
 * `starts[i + 1]`. A second without samples has none. `connect_latency` covers the whole run, as in the summary.
 */
export interface TrendSeconds {
  startMs: number;
  /** One more than there are seconds. */
  starts: Uint32Array;
  /** highestEquivalentValue, us, ascending within a second. */
  values: Uint32Array;
  counts: Float64Array;
  maxUs: number;
}
