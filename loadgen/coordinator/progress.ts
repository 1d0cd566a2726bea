/** What is known of a run at one moment, for whoever shows it. */
import type { AgentProgress } from '../control/control-channel.ts';
import type { FaultNow } from '../faults/fault-schedule.ts';
import type { ThresholdResult } from '../recorder/summary.ts';
import type { RunPhase } from './phase-log.ts';

export interface RecentFigures {
  /** Per second, over the last whole second. */
  sentPerSecond: number;
  deliveredPerSecond: number;
  /** Milliseconds, over the last few seconds; null without samples. */
  deliveryP50Ms: number | null;
  deliveryP99Ms: number | null;
  /** From the intended to the actual send, ms, over the last few seconds; null without samples. */
  slipP99Ms: number | null;
  /** Cores that all processes of this machine use; null: not known. */
  machineCpu: number | null;
  /** Cores that all agents use, and the one that uses most; null before the first report. */
  agentCpu: number | null;
  busiestAgentCpu: number | null;
}

export interface RunSnapshot {
  phase: RunPhase;
  phaseElapsedMs: number;
  /** Null: ends when its work is done. */
  phaseLengthMs: number | null;
  connectionsRequested: number;
  progress: AgentProgress;
  rateOffered: number;
  /** So late, p99, the generator may be before a fail is held to be its own, ms. */
  generatorLimitMs: number;
  recent: RecentFigures;
  serverCpu: number | null;
  /** Those so far, the present one ending now; ms since the epoch. */
  phases: ReadonlyArray<{ phase: RunPhase; startMs: number; endMs: number }>;
  /** Those begun so far. */
  faults: readonly FaultNow[];
  agents: number;
  /** Of the agents, those that ended without being asked to. */
  agentsGone: readonly string[];
  /** Upper limits of latency that are exceeded so far in the steady phase. */
  exceeded: readonly ThresholdResult[];
  notices: readonly string[];
}
