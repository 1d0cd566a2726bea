/**
 * The receiving end of a lane: which records of each source are new, in order, and which wait. The position up to which a
 * source's records are applied is committed together with what they did, so that a repeat changes nothing.
 */
import { readU64 } from './entry.ts';

export interface InboundRecord {
  number: number;
  record: Buffer;
}

export type Arrival =
  /** Applied already, or being applied: `applied` can be confirmed. */
  | { kind: 'repeat'; applied: number }
  /** Dropped: a record before it is missing, whose repetition is on its way; or it waits behind others. */
  | { kind: 'later' }
  /** To be applied now. `record` is valid during the call only. */
  | { kind: 'next'; number: number; record: Buffer };

export class InboundRecords {
  /** Per source: applied (in memory) up to here; commits follow in order. */
  #applied: Map<number, number>;
  /** Records that wait, per source, in order; the first is being applied. */
  #waiting = new Map<number, InboundRecord[]>();
  /** Per source: the first record that was not taken; nothing above it is, until it has come again. */
  #refused = new Map<number, number>();

  constructor(applied: Map<number, number>) {
    this.#applied = applied;
  }

  /** `starts`: the first record of a new numbering. */
  arrive(from: number, payload: Buffer, starts: boolean): Arrival {
    const number = readU64(payload, 0);
    if (this.#refused.size > 0) {
      const refused = this.#refused.get(from);
      if (refused !== undefined && number > refused) return { kind: 'later' };
      this.#refused.delete(from);
    }
    const waiting = this.#waiting.get(from);
    if (waiting !== undefined) {
      const last = waiting.at(-1)!.number;
      // What follows the last one without a hole, or begins a new numbering.
      if (number === last + 1 || (number > last && starts)) {
        waiting.push({ number, record: Buffer.from(payload.subarray(8)) });
      }
      return { kind: 'later' };
    }
    const applied = this.#applied.get(from) ?? 0;
    if (number <= applied) return { kind: 'repeat', applied };
    // Records arrive in order; a hole can only be the tail of a broken link.
    if (applied > 0 && number > applied + 1 && !starts) return { kind: 'later' };
    return { kind: 'next', number, record: payload.subarray(8) };
  }

  /** A record that is not taken now, and that its source is asked for later. */
  refuse(from: number, payload: Buffer): void {
    const number = readU64(payload, 0);
    const refused = this.#refused.get(from);
    if (refused === undefined || number < refused) this.#refused.set(from, number);
  }

  /** The source repeats all that it has; one that has forgotten what it sent numbers anew. */
  linkUp(from: number): void {
    this.#refused.delete(from);
  }

  applied(from: number, number: number): void {
    this.#applied.set(from, number);
  }

  /** Keep a record until it can be applied; all that come after it wait behind it. */
  hold(from: number, number: number, record: Buffer): InboundRecord[] {
    const waiting = [{ number, record: Buffer.from(record) }];
    this.#waiting.set(from, waiting);
    return waiting;
  }

  /** Nothing of this source waits any more. */
  release(from: number): void {
    this.#waiting.delete(from);
  }
}
