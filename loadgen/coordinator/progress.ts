/** What is known of a run at one moment, for whoever shows it. */
import type { AgentProgress } from '../control/control-channel.ts';
import type { RunPhase } from './phase-log.ts';

export interface RecentFigures {
  /** Per second, over the last whole second. */
  sentPerSecond: number;
  deliveredPerSecond: number;
  /** Milliseconds, over the last few seconds; null without samples. */
  deliveryP50Ms: number | null;
  deliveryP99Ms: number | null;
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
  notices: readonly string[];
}
