/**
 * What the coordinator and its agents say to each other. Times on the channel are monotonic ms of the coordinator's clock;
 * agents on its machine share that clock.
 *
 * Guarantees (control-channel.suite.ts checks them): messages of one direction arrive in order, each once; when either side
 * is gone the other is told, once.
 */
import type { Arrivals } from '../pacing/fire-times.ts';
import type { RateStage } from '../pacing/rate-curve.ts';
import type { ReceiverSummary, SenderSummary } from '../recorder/delivery-ledger.ts';
import type { SampleBatch } from '../recorder/samples.ts';

/** An agent's part of a run. */
export interface AgentAssignment {
  segment: { index: number; of: number };
  runTag: number;
  seed: number;
  /** `reference`, or the path of a driver module. */
  driver: string;
  target: string;
  authSecret: string | null;
  /** Users of the whole run; the agent's own follow from its segment. */
  users: number;
  bodyBytes: number;
  arrivals: Arrivals;
  stages: RateStage[];
  warmUpMs: number;
  steadyMs: number;
  connecting: { perSecond: number | null; inFlight: number };
  connectTimeoutMs: number;
  /** Coordinator's epoch − monotonic, so that all rows carry one wall clock. */
  epochOffsetMs: number;
}

export type ToAgent =
  | { type: 'prepare'; assignment: AgentAssignment }
  /** Open all connections. */
  | { type: 'connect' }
  /** Fire times count from `startMs`. */
  | { type: 'load'; startMs: number }
  /** Start nothing more; report progress quickly. */
  | { type: 'drain' }
  /** Send the closing ledger, close everything, end. */
  | { type: 'finish' };

export interface AgentProgress {
  connections: number;
  /** Connections asked for that could not be opened so far, by whose fault it is. */
  failed: { generator: number; server: number };
  /** Connections that ended and could not be resumed. */
  lost: number;
  connecting: number;
  reconnecting: number;
  sent: number;
  acknowledged: number;
  /** Distinct messages received. */
  delivered: number;
  duplicated: number;
  reordered: number;
  dropped: number;
  /** Sends whose receipt from the recipient is still missing. */
  awaitingReceipt: number;
  /** Event-loop delay over the steady phase so far, p99 in ms. */
  loopDelayP99Ms: number;
  /** All fire times have passed. */
  loadDone: boolean;
}

export interface AgentUsage {
  cpuSeconds: number;
  rssBytes: number;
}

export interface ConnectReport {
  opened: number;
  failed: { generator: number; server: number };
  seconds: number;
  /** Reasons of failures, with how often. */
  reasons: Record<string, number>;
}

export type FromAgent =
  | { type: 'ready'; version: string; pid: number }
  | { type: 'prepared' }
  | { type: 'tick'; progress: AgentProgress; usage: AgentUsage; samples: SampleBatch | null }
  | { type: 'connected'; report: ConnectReport }
  /** For the report: one sentence. */
  | { type: 'notice'; text: string }
  | { type: 'ledger'; sender: SenderSummary; receiver: ReceiverSummary }
  | { type: 'failed'; message: string; side: 'generator' | 'server' | 'configuration' };

/** The coordinator's end. */
export interface AgentLink {
  readonly name: string;
  send(message: ToAgent): void;
  onMessage(handler: (message: FromAgent) => void): void;
  /** The agent is gone, asked or not. `how` is a few words. */
  onGone(handler: (how: string) => void): void;
  /** End it by force. */
  kill(): void;
}

/** The agent's end. */
export interface CoordinatorLink {
  send(message: FromAgent): void;
  onMessage(handler: (message: ToAgent) => void): void;
  onGone(handler: () => void): void;
}
