/**
 * The closing of the delivery ledger: what senders numbered against what receivers saw, stream by stream of one receiving device.
 *
 * With N the numbers of a stream, F those that failed for certain, A those acknowledged, D those that arrived:
 * delivered = N ∩ D, lost = A − D, pending = N − A − F − D, and sent = N − (F − D) = delivered + lost + pending.
 */
import { type ExpandedLedgers, type LedgerExpansion, PLAIN, type StreamName } from './ledger-expansion.ts';
import { indexRanges, indexReceivers, knownUsers, type ReceiverIndex, range } from './ledger-index.ts';
import type { AgentLedgers, SenderSummary } from './ledger-summaries.ts';
import { type EXCEPTION_KINDS, ReconciliationResult } from './reconciliation-result.ts';
import { StreamTable } from './stream-table.ts';
import type { LedgerTotals } from './summary.ts';

export interface LedgerException extends StreamName {
  /**
   * `lost`: acknowledged, never arrived. `never-sent`: arrived, but no sender numbered it. `failed-but-arrived`: the server
   * said that it was not stored. `unknown`: an agent that would know is missing. `pending`: neither acknowledged nor arrived.
   */
  kind: (typeof EXCEPTION_KINDS)[number];
  /** Number within the sender's stream. */
  number: number;
}

export interface Reconciliation {
  totals: LedgerTotals;
  /** Refused for certain and never arrived: these count as not sent. */
  failed: number;
  /** How many there are of each kind. */
  counts: Record<LedgerException['kind'], number>;
  /** The first 100, worst kinds first. */
  exceptions: LedgerException[];
  /** Agents whose ledger did not come: what only they would know is pending, under `unknown`. */
  missingAgents: number;
}

/**
 * Hold the ledgers of all agents against each other; null stands for an agent that died with its ledger. Each user belongs to
 * one agent. A delivery that only a missing agent would know of is pending and listed as `unknown`, never as fine; so is one
 * of which only a missing sender would know, as far as anybody received that message or a later one of its stream.
 *
 * Ledgers with groups, or with users of several devices, go through `expandLedgers` first.
 */
export function reconcile(ledgers: AgentLedgers | ExpandedLedgers): Reconciliation {
  const { agents, expansion } = 'agents' in ledgers ? ledgers : { agents: ledgers, expansion: PLAIN };
  const present = agents.filter((agent) => agent !== null);
  const missingAgents = agents.length - present.length;
  const receivers = indexReceivers(
    present.map((agent) => agent.receiver),
    expansion,
  );
  const result = new ReconciliationResult(missingAgents, expansion);
  const closed = new Uint8Array(receivers.table.size);
  const known = missingAgents === 0 ? null : knownUsers(present, expansion);

  for (const { sender } of present) addSender(sender, { receivers, expansion, result, closed, known });
  if (known !== null)
    for (const [sender, recipient, count] of unknownSources(known, receivers, expansion, closed))
      expansion.eachDelivery(sender, recipient, (from, to) => {
        const slot = receivers.table.find(from, to);
        if (slot >= 0) closed[slot] = 1;
        result.addUnknownSender(from, to, count, slot < 0 ? [] : receivers.arrived(slot));
      });
  for (let slot = 0; slot < closed.length; slot++)
    if (closed[slot] === 0)
      result.addOrphan(receivers.table.sender(slot), receivers.table.recipient(slot), receivers.arrived(slot));
  for (const { receiver } of present) result.addEvents(receiver);
  return result.close();
}

interface Closing {
  receivers: ReceiverIndex;
  expansion: LedgerExpansion;
  result: ReconciliationResult;
  /** By slot: this stream of the receivers has its sender. */
  closed: Uint8Array;
  /** Users of agents that are not missing, as far as that is known; null: no agent is. */
  known: Set<number> | null;
}

function addSender(sender: SenderSummary, { receivers, expansion, result, closed, known: users }: Closing): void {
  const { streams } = sender;
  const { ahead, failed: failedOf } = indexRanges(sender);
  for (let i = 0; 4 * i < streams.length; i++) {
    const count = streams[4 * i + 2]!;
    const known = range(1, streams[4 * i + 3]!).concat(ahead.get(i) ?? []);
    const failed = failedOf.get(i) ?? [];
    expansion.eachDelivery(streams[4 * i]!, streams[4 * i + 1]!, (from, to) => {
      const slot = receivers.table.find(from, to);
      if (slot >= 0) closed[slot] = 1;
      const receiverKnown = users?.has(expansion.userOf(to)) ?? true;
      const arrived = slot < 0 ? [] : receivers.arrived(slot);
      result.addStream(from, to, { count, known, failed, arrived, receiverKnown });
    });
  }
}

/**
 * The streams of senders of whom nothing else is known, as [sender, recipient, highest number that arrived anywhere]: they may
 * well be users of missing agents.
 */
function unknownSources(
  known: Set<number>,
  { table, highest }: ReceiverIndex,
  { source }: LedgerExpansion,
  closed: Uint8Array,
): Array<[number, number, number]> {
  const sources = new StreamTable();
  const counts: number[] = [];
  for (let slot = 0; slot < closed.length; slot++) {
    if (closed[slot] === 1) continue;
    const { sender, recipient } = source(table.sender(slot), table.recipient(slot));
    if (known.has(sender)) continue;
    const at = sources.slot(sender, recipient);
    counts[at] = Math.max(counts[at] ?? 0, highest(slot));
  }
  return counts.map((count, at) => [sources.sender(at), sources.recipient(at), count]);
}
