/**
 * Exact accounting of every message, across agents: senders number the messages of each (sender, recipient) stream 1, 2, 3, …,
 * receivers note which numbers arrived at which device, and at the end the two sides are held against each other
 * (reconciliation.ts). A recipient may be a group (ledger-keys.ts says how streams are named).
 *
 * Streams are columns of typed arrays; only a stream whose numbers are out of step has a list of ranges.
 */
import { GROUP_CODE } from './ledger-keys.ts';
import {
  EVENT_DUPLICATED,
  EVENT_REORDERED,
  EXCEPTIONS_NAMED,
  RANGE_FAILED,
  RANGE_KNOWN,
  type ReceiverSummary,
  type SenderSummary,
} from './ledger-summaries.ts';
import { addNumber, type NumberRanges, removeNumber } from './number-ranges.ts';
import { growColumn, StreamTable } from './stream-table.ts';

export { type Audience, type ExpandedLedgers, expandLedgers } from './ledger-expansion.ts';
export type { AgentLedgers, ReceiverSummary, SenderSummary } from './ledger-summaries.ts';
export { type LedgerException, type Reconciliation, reconcile } from './reconciliation.ts';

/** The verdict on one arrival. `reordered`: new, but after a later one of the same stream. */
export type Arrival = 'new' | 'duplicate' | 'reordered';

export class SenderLedger {
  readonly #table = new StreamTable();
  /** By slot: messages numbered; number up to which the outcome of each is known. */
  #counts = new Uint32Array(64);
  #knownTo = new Uint32Array(64);
  /** By slot, where there are any: outcomes known beyond a gap; failed for certain. */
  readonly #ahead = new Map<number, NumberRanges>();
  readonly #failed = new Map<number, NumberRanges>();

  /** The number of the next message from `sender` to `recipient`, a user or a group's code. Until more is said, its outcome is unknown. */
  next(sender: number, recipient: number): number {
    const slot = this.#table.slot(sender, recipient);
    if (slot >= this.#counts.length) {
      this.#counts = growColumn(this.#counts, slot + 1);
      this.#knownTo = growColumn(this.#knownTo, slot + 1);
    }
    this.#counts[slot]! += 1;
    return this.#counts[slot]!;
  }

  /** The server said that it has stored the message. Saying it again changes nothing. */
  acknowledged(sender: number, recipient: number, number: number): void {
    const slot = this.#slotOf(sender, recipient, number);
    const failed = this.#failed.get(slot);
    if (failed !== undefined && removeNumber(failed, number) && failed.length === 0) this.#failed.delete(slot);
    this.#known(slot, number);
  }

  /** The message was certainly not stored and is given up. */
  failed(sender: number, recipient: number, number: number): void {
    const slot = this.#slotOf(sender, recipient, number);
    if (this.#isKnown(slot, number)) return;
    addNumber(rangesAt(this.#failed, slot), number);
    this.#known(slot, number);
  }

  summary(): SenderSummary {
    const streams = new Uint32Array(4 * this.#table.size);
    for (let slot = 0; slot < this.#table.size; slot++) {
      const row = [this.#table.sender(slot), this.#table.recipient(slot), this.#counts[slot]!, this.#knownTo[slot]!];
      streams.set(row, 4 * slot);
    }
    const ranges: number[] = [];
    for (const [slot, list] of this.#ahead) eachRange(list, (from, to) => ranges.push(slot, RANGE_KNOWN, from, to));
    for (const [slot, list] of this.#failed) eachRange(list, (from, to) => ranges.push(slot, RANGE_FAILED, from, to));
    return { streams, ranges: Uint32Array.from(ranges) };
  }

  #slotOf(sender: number, recipient: number, number: number): number {
    const slot = this.#table.find(sender, recipient);
    if (slot < 0 || number < 1 || number > this.#counts[slot]!)
      throw new RangeError(`message ${number} from user ${sender} to ${nameOf(recipient)} was never numbered`);
    return slot;
  }

  #isKnown(slot: number, number: number): boolean {
    if (number <= this.#knownTo[slot]!) return true;
    const ahead = this.#ahead.get(slot) ?? [];
    for (let i = 0; i < ahead.length; i += 2) if (ahead[i]! <= number && number <= ahead[i + 1]!) return true;
    return false;
  }

  #known(slot: number, number: number): void {
    const knownTo = this.#knownTo[slot]!;
    if (number <= knownTo) return;
    if (number > knownTo + 1) {
      addNumber(rangesAt(this.#ahead, slot), number);
      return;
    }
    this.#knownTo[slot] = number;
    const ahead = this.#ahead.get(slot);
    if (ahead === undefined || ahead[0] !== number + 1) return;
    this.#knownTo[slot] = ahead[1]!;
    ahead.splice(0, 2);
    if (ahead.length === 0) this.#ahead.delete(slot);
  }
}

export class ReceiverLedger {
  readonly #table = new StreamTable();
  /** The slot of (sender, group) makes the sender's key. */
  readonly #groups = new StreamTable();
  /** By slot: highest number that arrived. */
  #highest = new Uint32Array(64);
  /** By slot, where there are any: numbers below the highest that have not arrived. */
  readonly #missing = new Map<number, NumberRanges>();
  #duplicated = 0;
  #reordered = 0;
  readonly #events: number[] = [];

  /** The sender's key for messages from `sender` to `group`: the same at every call, in this ledger. */
  groupKey(sender: number, group: number): number {
    return GROUP_CODE + this.#groups.slot(sender, group);
  }

  /** A message arrived at a device. `sender`: a user, or `groupKey` of a group message; `recipient`: the device's key. */
  arrived(sender: number, recipient: number, number: number): Arrival {
    const slot = this.#table.slot(sender, recipient);
    if (slot >= this.#highest.length) this.#highest = growColumn(this.#highest, slot + 1);
    const highest = this.#highest[slot]!;
    if (number > highest) {
      if (number > highest + 1) rangesAt(this.#missing, slot).push(highest + 1, number - 1);
      this.#highest[slot] = number;
      return 'new';
    }
    const missing = this.#missing.get(slot);
    if (missing !== undefined && removeNumber(missing, number)) {
      if (missing.length === 0) this.#missing.delete(slot);
      this.#reordered++;
      this.#note(sender, recipient, number, EVENT_REORDERED);
      return 'reordered';
    }
    this.#duplicated++;
    this.#note(sender, recipient, number, EVENT_DUPLICATED);
    return 'duplicate';
  }

  summary(): ReceiverSummary {
    const streams = new Uint32Array(3 * this.#table.size);
    for (let slot = 0; slot < this.#table.size; slot++)
      streams.set([this.#table.sender(slot), this.#table.recipient(slot), this.#highest[slot]!], 3 * slot);
    const missing: number[] = [];
    for (const [slot, list] of this.#missing) eachRange(list, (from, to) => missing.push(slot, from, to));
    return {
      streams,
      groupStreams: this.#groups.keys(),
      missing: Uint32Array.from(missing),
      duplicated: this.#duplicated,
      reordered: this.#reordered,
      events: Uint32Array.from(this.#events),
    };
  }

  #note(sender: number, recipient: number, number: number, event: number): void {
    if (this.#events.length < 4 * EXCEPTIONS_NAMED) this.#events.push(sender, recipient, number, event);
  }
}

function nameOf(recipient: number): string {
  return recipient < GROUP_CODE ? `user ${recipient}` : `group ${recipient - GROUP_CODE}`;
}

function rangesAt(map: Map<number, NumberRanges>, slot: number): NumberRanges {
  let ranges = map.get(slot);
  if (ranges === undefined) {
    ranges = [];
    map.set(slot, ranges);
  }
  return ranges;
}

function eachRange(ranges: NumberRanges, call: (from: number, to: number) => void): void {
  for (let i = 0; i < ranges.length; i += 2) call(ranges[i]!, ranges[i + 1]!);
}
