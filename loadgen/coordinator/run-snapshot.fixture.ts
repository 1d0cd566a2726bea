/** A run in the middle of its steady phase, for the tests of those who show one. */
import type { AgentProgress } from '../control/control-channel.ts';
import type { RecentFigures, RunSnapshot } from './progress.ts';

type SnapshotFields = Partial<Omit<RunSnapshot, 'progress' | 'recent'>> & {
  progress?: Partial<AgentProgress>;
  recent?: Partial<RecentFigures>;
};

export function runSnapshot({ progress, recent, ...fields }: SnapshotFields = {}): RunSnapshot {
  return {
    phase: 'steady',
    phaseElapsedMs: 42_000,
    phaseLengthMs: 60_000,
    connectionsRequested: 50_000,
    progress: {
      connections: 50_000,
      failed: { generator: 0, server: 0 },
      lost: 0,
      connecting: 0,
      reconnecting: 0,
      sent: 1_750,
      acknowledged: 1_750,
      expected: 1_750,
      delivered: 1_749,
      duplicated: 0,
      reordered: 0,
      dropped: 0,
      droppedAway: 0,
      unacknowledged: 0,
      awaitingReceipt: 0,
      slow: 0,
      catchingUp: 0,
      loopDelayP99Ms: 1.5,
      loadDone: false,
      ...progress,
    },
    rateOffered: 41.7,
    generatorLimitMs: 5,
    recent: {
      sentPerSecond: 42,
      deliveredPerSecond: 41,
      deliveryP50Ms: 2.13,
      deliveryP99Ms: 6.84,
      slipP99Ms: 1.1,
      machineCpu: null,
      agentCpu: 0.42,
      busiestAgentCpu: 0.2,
      ...recent,
    },
    serverCpu: 1.21,
    phases: [],
    faults: [],
    agents: 3,
    agentsGone: [],
    exceeded: [],
    notices: [],
    ...fields,
  };
}
