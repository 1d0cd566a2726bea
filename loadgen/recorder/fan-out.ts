/**
 * When the last receiver of a group message has it: each agent says how many of its users have, and how late the last of them
 * was; the coordinator puts them together. A message counts once all its receivers have it.
 */
import type { Phase } from './samples.ts';
import { growColumn, StreamTable } from './stream-table.ts';

/** What one agent saw of one group message in one interval. */
export interface FanOutRow {
  group: number;
  sender: number;
  /** Number of the message in the (sender, group) stream. */
  number: number;
  phase: Phase;
  /** Arrivals in this interval, and the latest of them after the intended send time, ms. */
  arrivals: number;
  lastMs: number;
}

/** The agent's side: adds up the arrivals of an interval. */
export class FanOutTracker {
  readonly #streams = new StreamTable();
  #rows = new Map<number, FanOutRow>();
  /** Arrivals of one message come together. */
  #last: FanOutRow | undefined;

  /** A device received a message for the first time, `latencyMs` after its intended send time. */
  arrived(group: number, sender: number, number: number, phase: Phase, latencyMs: number): void {
    let row = this.#last;
    if (row === undefined || row.number !== number || row.sender !== sender || row.group !== group) {
      const key = messageKey(this.#streams.slot(sender, group), number);
      row = this.#rows.get(key);
      if (row === undefined) {
        row = { group, sender, number, phase, arrivals: 0, lastMs: latencyMs };
        this.#rows.set(key, row);
      }
      this.#last = row;
    }
    row.arrivals++;
    if (latencyMs > row.lastMs) row.lastMs = latencyMs;
  }

  /** What arrived since the last call. */
  swap(): FanOutRow[] {
    const rows = [...this.#rows.values()];
    this.#rows = new Map();
    this.#last = undefined;
    return rows;
  }
}

/** Messages that are followed at once; about 100 bytes each. */
const FOLLOWED = 100_000;

/** The coordinator's side: puts together what the agents saw. */
export class FanOutMerge {
  readonly #receiversOf: (group: number, sender: number) => number;
  readonly #record: (phase: Phase, lastMs: number) => void;
  readonly #followed: number;
  readonly #streams = new StreamTable();
  /** By slot of (sender, group): receivers, and the highest number given up. What comes of these still is passed over. */
  #receivers = new Uint32Array(64);
  #givenUpTo = new Uint32Array(64);
  /** By message, in the order of first arrivals. */
  readonly #open = new Map<number, { arrivals: number; lastMs: number }>();
  #givenUp = 0;

  /**
   * @param receiversOf devices that a message to the group is owed to: those of all members but the sender. Asked once for
   * each sender and group.
   * @param record called when a message has reached its last receiver, with the latency of that arrival.
   * @param followed when more messages are under way, the oldest is given up.
   */
  constructor(
    receiversOf: (group: number, sender: number) => number,
    record: (phase: Phase, lastMs: number) => void,
    followed = FOLLOWED,
  ) {
    this.#receiversOf = receiversOf;
    this.#record = record;
    this.#followed = followed;
  }

  /** Messages that somebody received, and not everybody so far. */
  get incomplete(): number {
    return this.#open.size + this.#givenUp;
  }

  /** In any order, from any agent. */
  add(rows: readonly FanOutRow[]): void {
    for (const row of rows) this.#addRow(row);
  }

  #addRow({ group, sender, number, phase, arrivals, lastMs }: FanOutRow): void {
    const slot = this.#slot(sender, group);
    const key = messageKey(slot, number);
    let message = this.#open.get(key);
    if (message === undefined) {
      if (number <= this.#givenUpTo[slot]!) return;
      message = { arrivals: 0, lastMs };
      this.#open.set(key, message);
    }
    message.arrivals += arrivals;
    message.lastMs = Math.max(message.lastMs, lastMs);
    if (message.arrivals >= this.#receivers[slot]!) {
      this.#open.delete(key);
      this.#record(phase, message.lastMs);
    } else if (this.#open.size > this.#followed) this.#giveUpOldest();
  }

  #slot(sender: number, group: number): number {
    const known = this.#streams.size;
    const slot = this.#streams.slot(sender, group);
    if (slot < known) return slot;
    if (slot >= this.#receivers.length) {
      this.#receivers = growColumn(this.#receivers, slot + 1);
      this.#givenUpTo = growColumn(this.#givenUpTo, slot + 1);
    }
    this.#receivers[slot] = this.#receiversOf(group, sender);
    return slot;
  }

  #giveUpOldest(): void {
    const key = this.#open.keys().next().value!;
    this.#open.delete(key);
    this.#givenUp++;
    const slot = Math.floor(key / 2 ** 32);
    this.#givenUpTo[slot] = Math.max(this.#givenUpTo[slot]!, key % 2 ** 32);
  }
}

/** One number for a message: its stream's slot and its number, of 32 bits. */
function messageKey(slot: number, number: number): number {
  return slot * 2 ** 32 + number;
}
