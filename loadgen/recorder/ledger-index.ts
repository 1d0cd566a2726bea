/** The summaries of all agents, indexed for the closing of the ledger. */
import type { LedgerExpansion } from './ledger-expansion.ts';
import { type AgentLedger, RANGE_FAILED, type ReceiverSummary, type SenderSummary } from './ledger-summaries.ts';
import { type NumberRanges, subtract } from './number-ranges.ts';
import { growColumn, StreamTable } from './stream-table.ts';

/** What all receivers saw, by the keys of the run. */
export interface ReceiverIndex {
  /** All streams. */
  table: StreamTable;
  /** What arrived, by slot. */
  arrived(slot: number): NumberRanges;
  highest(slot: number): number;
}

export function indexReceivers(summaries: ReceiverSummary[], expansion: LedgerExpansion): ReceiverIndex {
  const table = new StreamTable();
  let highest = new Uint32Array(64);
  const missing = new Map<number, NumberRanges>();
  for (const summary of summaries) {
    const { streams, missing: ranges } = summary;
    const senderKey = expansion.senderKeys(summary);
    const slots: number[] = [];
    for (let i = 0; i < streams.length; i += 3) {
      const slot = table.slot(senderKey(streams[i]!), streams[i + 1]!);
      slots.push(slot);
      if (slot >= highest.length) highest = growColumn(highest, slot + 1);
      highest[slot] = streams[i + 2]!;
    }
    for (let i = 0; i < ranges.length; i += 3) push(missing, slots[ranges[i]!]!, ranges[i + 1]!, ranges[i + 2]!);
  }
  return {
    table,
    arrived: (slot) => {
      const all = range(1, highest[slot]!);
      const gaps = missing.get(slot);
      return gaps === undefined ? all : subtract(all, gaps);
    },
    highest: (slot) => highest[slot]!,
  };
}

/** Users who have left a trace in these ledgers: they belong to agents that are not missing. */
export function knownUsers(agents: AgentLedger[], expansion: LedgerExpansion): Set<number> {
  const users = new Set<number>();
  for (const { sender, receiver } of agents) {
    for (let i = 0; i < sender.streams.length; i += 4) users.add(sender.streams[i]!);
    for (let i = 1; i < receiver.streams.length; i += 3) users.add(expansion.userOf(receiver.streams[i]!));
  }
  return users;
}

/** A sender's ranges by index of the stream; ascending, as they were written. */
export function indexRanges({ ranges }: SenderSummary): {
  ahead: Map<number, NumberRanges>;
  failed: Map<number, NumberRanges>;
} {
  const ahead = new Map<number, NumberRanges>();
  const failed = new Map<number, NumberRanges>();
  for (let i = 0; i < ranges.length; i += 4)
    push(ranges[i + 1] === RANGE_FAILED ? failed : ahead, ranges[i]!, ranges[i + 2]!, ranges[i + 3]!);
  return { ahead, failed };
}

/** The numbers from … to, none when `to` is below. */
export function range(from: number, to: number): NumberRanges {
  return to < from ? [] : [from, to];
}

function push(map: Map<number, NumberRanges>, at: number, from: number, to: number): void {
  const ranges = map.get(at);
  if (ranges === undefined) map.set(at, [from, to]);
  else ranges.push(from, to);
}
