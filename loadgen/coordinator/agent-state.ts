/** What the coordinator knows of one agent, and sums over all. */
import type { AgentLag, AgentLink, AgentProgress, AgentUsage, FromAgent } from '../control/control-channel.ts';
import type { ReceiverSummary, SenderSummary } from '../recorder/delivery-ledger.ts';

export interface AgentLedger {
  sender: SenderSummary;
  receiver: ReceiverSummary;
}

export interface AgentState {
  link: AgentLink;
  ready: Extract<FromAgent, { type: 'ready' }> | null;
  progress: AgentProgress | null;
  usage: AgentUsage | null;
  lag: AgentLag;
  rssPeak: number;
  ledger: AgentLedger | null;
  /** How it ended, when it was not asked to. */
  gone: string | null;
  exited: boolean;
  /** What it waits for. */
  pending: { resolve: (message: FromAgent) => void; reject: (error: Error) => void; type: FromAgent['type'] } | null;
}

const NOTHING: AgentProgress = {
  connections: 0,
  failed: { generator: 0, server: 0 },
  lost: 0,
  connecting: 0,
  reconnecting: 0,
  sent: 0,
  acknowledged: 0,
  expected: 0,
  delivered: 0,
  duplicated: 0,
  reordered: 0,
  dropped: 0,
  droppedAway: 0,
  unacknowledged: 0,
  awaitingReceipt: 0,
  slow: 0,
  catchingUp: 0,
  loopDelayP99Ms: 0,
  loadDone: true,
};

/** An agent that is later than this was not there for part of the load. */
const LAG_LIMIT_MS = 1_000;

export function newAgentState(link: AgentLink): AgentState {
  return {
    link,
    ready: null,
    progress: null,
    usage: null,
    lag: { tickMs: 0, startMs: 0 },
    rssPeak: 0,
    ledger: null,
    gone: null,
    exited: false,
    pending: null,
  };
}

/** Its name, and its host where that is another machine. */
export function labelOf({ link }: AgentState): string {
  return link.host === undefined ? link.name : `${link.name} on ${link.host}`;
}

/** How an agent lags, in words; null when it does not. */
export function lagOf({ lag, ready }: AgentState): string | null {
  if (ready === null) return null;
  if (lag.startMs > LAG_LIMIT_MS) return `started its load ${seconds(lag.startMs)} s late`;
  if (lag.tickMs > LAG_LIMIT_MS) return `fell behind: its reports came up to ${seconds(lag.tickMs)} s late`;
  return null;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}

/** What an agent that is gone has no more … */
const STANDING = [
  'connections',
  'connecting',
  'reconnecting',
  'unacknowledged',
  'awaitingReceipt',
  'slow',
  'catchingUp',
] as const;
/** … and what it did stays done. */
const DONE = [
  'lost',
  'sent',
  'acknowledged',
  'expected',
  'delivered',
  'duplicated',
  'reordered',
  'dropped',
  'droppedAway',
] as const;

export function sumProgress(agents: readonly AgentState[]): AgentProgress {
  const sum = { ...NOTHING, failed: { ...NOTHING.failed } };
  for (const { progress, gone } of agents) {
    if (progress === null) {
      sum.loadDone = false;
      continue;
    }
    if (gone === null) {
      for (const key of STANDING) sum[key] += progress[key];
      sum.loadDone &&= progress.loadDone;
    }
    for (const key of DONE) sum[key] += progress[key];
    sum.failed.generator += progress.failed.generator;
    sum.failed.server += progress.failed.server;
    sum.loopDelayP99Ms = Math.max(sum.loopDelayP99Ms, progress.loopDelayP99Ms);
  }
  return sum;
}
