/**
 * The receiving end of a lane: which records of each source are new, in order, and which wait. The position up to which a
 * source's records are applied is committed together with what they did, so that a repeat changes nothing.
 *
 * Every record names the one before it, and is taken only if that one was: so any may be dropped, by a link that breaks or by
 * a volume that can't store it now, and none is ever left out.
 */
import { readU64 } from './entry.ts';

/** Where a record begins in what the bus carries: behind its number and that of the one before. */
export const RECORD_AT = 16;

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

  /** Sources of which a record is missing here: it was dropped, and they must repeat what they have. */
  readonly behind = new Set<number>();

  constructor(applied: Map<number, number>) {
    this.#applied = applied;
  }

  /** A record is dropped because it can't be stored now. */
  refuse(from: number): void {
    this.behind.add(from);
  }

  /** `payload`: u64 number · u64 number of the record before it (0: all before it are confirmed) · the record. */
  arrive(from: number, payload: Buffer): Arrival {
    const number = readU64(payload, 0);
    const previous = readU64(payload, 8);
    const record = payload.subarray(RECORD_AT);
    const waiting = this.#waiting.get(from);
    const newest = waiting?.at(-1)?.number ?? this.#applied.get(from) ?? 0;
    if (number > newest && previous > newest) {
      this.behind.add(from);
      return { kind: 'later' };
    }
    if (this.behind.size > 0) this.behind.delete(from);
    if (waiting === undefined) {
      return number > newest ? { kind: 'next', number, record } : { kind: 'repeat', applied: newest };
    }
    if (number > newest) waiting.push({ number, record: Buffer.from(record) });
    return { kind: 'later' };
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
