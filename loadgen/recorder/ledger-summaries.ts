/**
 * What agents tell the coordinator when a run ends: the ledgers in typed arrays, made for structured clone. Senders and
 * recipients are named as in ledger-keys.ts.
 */

/** What one agent knows of the streams that its users send. */
export interface SenderSummary {
  /** Four a stream: sender, recipient, messages numbered, and the number up to which the outcome of each is known. */
  streams: Uint32Array;
  /** Four a range: index of the stream, kind, from, to. Kind 0: outcome known, beyond a gap. Kind 1: failed for certain. */
  ranges: Uint32Array;
}

/** What one agent knows of the streams that its users receive. */
export interface ReceiverSummary {
  /** Three a stream: sender, recipient, highest number that arrived. */
  streams: Uint32Array;
  /** Two for each sender's key that this agent handed out for group messages: sender, group. */
  groupStreams: Uint32Array;
  /** Three a range: index of the stream, from, to: numbers below the highest that did not arrive. */
  missing: Uint32Array;
  /** Arrivals of a number that had arrived before, and of one below a number that had. */
  duplicated: number;
  reordered: number;
  /** Four for each of the first of those: sender, recipient, number, and 0 (duplicated) or 1 (reordered). */
  events: Uint32Array;
}

/** Both sides of one agent. Each user belongs to one agent, with all devices. */
export interface AgentLedger {
  sender: SenderSummary;
  receiver: ReceiverSummary;
}

/** By agent; null stands for one that died with its ledger. */
export type AgentLedgers = ReadonlyArray<AgentLedger | null>;

export const RANGE_KNOWN = 0;
export const RANGE_FAILED = 1;
export const EVENT_DUPLICATED = 0;
export const EVENT_REORDERED = 1;
/** How many single exceptions are named; all are counted. */
export const EXCEPTIONS_NAMED = 100;
