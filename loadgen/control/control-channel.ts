/**
 * What the coordinator and its agents say to each other. Times on the channel are monotonic ms of the coordinator's clock;
 * agents with another clock follow it, on the line that they are told.
 *
 * Guarantees (control-channel.suite.ts checks them): messages of one direction arrive in order, each once; when either side
 * is gone the other is told, once.
 */
import type { ClockLine } from '../clock.ts';
import type { ClientFault } from '../faults/fault.ts';
import type { TrafficPlan } from '../population/plan.ts';
import type { ReceiverSummary, SenderSummary } from '../recorder/delivery-ledger.ts';
import type { FanOutRow } from '../recorder/fan-out.ts';
import type { SampleBatch } from '../recorder/samples.ts';

export type { ClientFault } from '../faults/fault.ts';

/** An agent's part of a run. */
export interface AgentAssignment {
  segment: { index: number; of: number };
  runTag: number;
  seed: number;
  /** `reference`, or the path of a driver module. */
  driver: string;
  target: string;
  authSecret: string | null;
  traffic: TrafficPlan;
  connecting: { perSecond: number | null; inFlight: number };
  connectTimeoutMs: number;
  /** Coordinator's epoch − monotonic, so that all rows carry one wall clock. */
  epochOffsetMs: number;
  /** By segment: agents with equal texts share a monotonic clock. */
  hosts: string[];
  /** False: the clocks are not known well enough to measure a delivery between agents with different ones. */
  deliveryAcrossHosts: boolean;
}

export type ToAgent =
  /** How to follow the coordinator's clock; comes before `prepare` to an agent that has another. */
  | { type: 'clock'; line: ClockLine }
  | { type: 'prepare'; assignment: AgentAssignment }
  /** Open all connections. */
  | { type: 'connect' }
  /** Fire times count from `startMs`. */
  | { type: 'load'; startMs: number }
  /** Break something now. */
  | { type: 'fault'; fault: ClientFault }
  /** Start nothing more; report progress quickly. */
  | { type: 'drain' }
  /** Nothing is under way to anybody any more: users who are offline come once more for what they missed. */
  | { type: 'fetch' }
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
  /** Deliveries that the sent messages should lead to, without those refused for good: one for each receiving user's device. */
  expected: number;
  /** Distinct messages received, by each device. */
  delivered: number;
  duplicated: number;
  reordered: number;
  dropped: number;
  /** Of these, because the server had left their users without a connection. */
  droppedAway: number;
  /** Sends that the server has not answered. */
  unacknowledged: number;
  /** Messages that were started and are not through: acknowledged, and receipted where there are receipts, or given up. */
  awaitingReceipt: number;
  /** Event-loop delay over the steady phase so far, p99 in ms. */
  loopDelayP99Ms: number;
  /** Connections whose client reads nothing on purpose. */
  slow: number;
  /** Users who are still to come back for what they missed while offline; 0 before the drain. */
  catchingUp: number;
  /** All streams have ended. */
  loadDone: boolean;
}

export interface AgentUsage {
  cpuSeconds: number;
  rssBytes: number;
}

/** How late the agent itself was since it was told to load, at most, ms. */
export interface AgentLag {
  /** Behind the whole second at which it reports. */
  tickMs: number;
  /** Between the common start and hearing of it. */
  startMs: number;
}

/** The other clock was read while ours went from `sentMs` to `receivedMs`; ms. */
export interface RoundTrip {
  sentMs: number;
  theirMs: number;
  receivedMs: number;
}

export interface ConnectReport {
  opened: number;
  failed: { generator: number; server: number };
  seconds: number;
  /** Reasons of failures, with how often. */
  reasons: Record<string, number>;
}

export type FromAgent =
  /** `clockId`: agents with equal ids share a monotonic clock (host-clock.ts). */
  | { type: 'ready'; version: string; pid: number; host: string; clockId: string | null }
  | { type: 'prepared' }
  | {
      type: 'tick';
      progress: AgentProgress;
      usage: AgentUsage;
      samples: SampleBatch | null;
      fanOut: FanOutRow[];
      lag: AgentLag;
    }
  | { type: 'connected'; report: ConnectReport }
  /** For the report: one sentence. */
  | { type: 'notice'; text: string }
  | { type: 'ledger'; sender: SenderSummary; receiver: ReceiverSummary }
  | { type: 'failed'; message: string; side: 'generator' | 'server' | 'configuration' };

/** The coordinator's end. */
export interface AgentLink {
  readonly name: string;
  /** The machine it runs on, where that may be another one. */
  readonly host?: string;
  send(message: ToAgent): void;
  onMessage(handler: (message: FromAgent) => void): void;
  /** The agent is gone, asked or not. `how` is a few words. */
  onGone(handler: (how: string) => void): void;
  /** End it by force. */
  kill(): void;
  /** Read its clock; null when no answer came in time. Left out where all share the coordinator's clock. */
  probe?(): Promise<RoundTrip | null>;
}

/** The agent's end. */
export interface CoordinatorLink {
  send(message: FromAgent): void;
  onMessage(handler: (message: ToAgent) => void): void;
  onGone(handler: () => void): void;
  /** Resolves when the coordinator has all that was sent, or is gone. Nothing is sent after. */
  close(): Promise<void>;
}
