/** The summaries of all agents, indexed for the closing of the ledger. */
import type { LedgerExpansion } from './ledger-expansion.ts';
import { RANGE_FAILED, type ReceiverSummary, type SenderSummary } from './ledger-summaries.ts';
import { type NumberRanges, subtract } from './number-ranges.ts';
import { growColumn, StreamTable } from './stream-table.ts';

/** All receivers' streams in one table, by the keys of the run. */
export interface ReceiverIndex {
  table: StreamTable;
  /** What arrived, by slot. */
  arrived(slot: number): NumberRanges;
  highest(slot: number): number;
  /** Whether anything at all is known of what a user received. */
  knows(user: number): boolean;
}

export function indexReceivers(summaries: ReceiverSummary[], expansion: LedgerExpansion): ReceiverIndex {
  const table = new StreamTable();
  const users = new Set<number>();
  let highest = new Uint32Array(64);
  const missing = new Map<number, NumberRanges>();
  for (const summary of summaries) {
    const { streams, missing: ranges } = summary;
    const senderKey = expansion.senderKeys(summary);
    const slots: number[] = [];
    for (let i = 0; i < streams.length; i += 3) {
      const slot = table.slot(senderKey(streams[i]!), streams[i + 1]!);
      users.add(expansion.userOf(streams[i + 1]!));
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
    knows: (user) => users.has(user),
  };
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
