/** What those who start a run tell the live page about it, beside its rows. */
import type { FaultResult } from '../../loadgen/recorder/summary.ts';

/** What is known before the run begins. */
export interface LiveRun {
  runId: string;
  /** Name of the run, of its scenario, and what that says of itself. */
  name: string;
  scenario: string;
  description: string;
  startedAtMs: number;
  connections: number;
  /** Messages per second. */
  rateOffered: number;
  steadySeconds: number;
  agents: number;
  shards: number;
  /** Of the machine that server and agents run on. */
  cores: number;
  thresholds: ReadonlyArray<{ metric: string; threshold: string }>;
}

/** How it goes at one moment. */
export interface LiveStatus {
  phase: string;
  phaseElapsedMs: number;
  /** Null: the phase ends when its work is done. */
  phaseLengthMs: number | null;
  /** Those so far, the present one ending now; ms since the epoch. */
  phases: ReadonlyArray<{ phase: string; startMs: number; endMs: number }>;
  /** Those begun so far. */
  faults: readonly FaultResult[];
  connections: number;
  connectionsRequested: number;
  /** Per second, over the last whole second. */
  sentPerSecond: number;
  deliveredPerSecond: number;
  /** Milliseconds, over the last few seconds; null without samples. */
  deliveryP50Ms: number | null;
  deliveryP99Ms: number | null;
  /** Cores in use; null: not known. */
  serverCpu: number | null;
  agentCpu: number | null;
  /** What is wrong at the moment or went wrong so far, a sentence each; empty when nothing is. */
  troubles: readonly string[];
  /** The latest of what was noticed, oldest first. */
  notices: readonly string[];
}
