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
