/** What faults are made of: the scenario's wish, what it acts on, and how it is done and undone. */
import type { CheckedFault } from '../../scenarios/scenario-faults.ts';
import type { Clock } from '../clock.ts';
import type { RunNetwork } from './run-network.ts';
import type { StoreDisk } from './store-disk.ts';

export type { CheckedFault };

/** What agents break on purpose, on their own side of the connections. `share` of each agent's open connections. */
export type ClientFault =
  | { kind: 'slow-consumers'; share: number; forMs: number }
  | { kind: 'half-open'; share: number }
  | { kind: 'reconnect-storm'; share: number };

export type FaultOf<Kind extends CheckedFault['kind']> = Extract<CheckedFault, { kind: Kind }>;

/** How the agents' side stands, over all agents. */
export interface FaultProgress {
  connections: number;
  /** Deliveries that what was sent should lead to, and those there were, since the start of the run. */
  expected: number;
  delivered: number;
}

/** A node that this run started itself. */
export interface FaultyNode {
  /** Of the process that was started; all others of the node descend from it. */
  pid: number;
  /** Null while the node does not tell or the shard is down. */
  shardPid(index: number): Promise<number | null>;
}

export interface FaultContext {
  clock: Clock;
  /** Null for a node that this run did not start. */
  node: FaultyNode | null;
  /** The network between agents and node; null: theirs is not to be touched. */
  network: RunNetwork | null;
  /** The disk under the node's message store; null: it has none of its own. */
  disk: StoreDisk | null;
  tellAgents(fault: ClientFault): void;
  /** Results store: take no rows (true) or take them again. */
  holdResults(hold: boolean): void;
  progress(): FaultProgress;
  /** By plan: how many are connected, and how much waits for somebody offline, is no sign of anything. */
  usersComeAndGo?: boolean;
  note(text: string): void;
}

/** One fault, armed. */
export interface FaultAction {
  /** Breaks it; resolves with what was done in a few words. Rejects with a FaultError when it can't be done. */
  begin(): Promise<string> | string;
  /** Mends it. Synchronous, for it also runs when the process exits; harmless when nothing is broken. */
  end(): void;
}

/** A fault that can't be done here: one sentence that says what is missing. Found before any load (104), or in the run. */
export class FaultError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FaultError';
  }
}
