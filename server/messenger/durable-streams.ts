/**
 * One lane of stored traffic from this volume to others, at least once and in order. What is gathered for a destination while a
 * batch gathers becomes one outbox record in that batch, leaves over the bus after the commit, and is repeated until the
 * destination has confirmed its own commit; then it is deleted from the outbox.
 *
 * Lanes are independent: what is slow in one (the fan-out of a large group) holds nothing up in another. In the store a lane
 * is a part of the destination's number: `lane · 65,536 + volume`.
 */
import { FrameWriter } from '../protocol/codec.ts';
import type { OutboxRecord } from '../store/message-store.ts';
import { readU64, writeU64 } from './entry.ts';
import { RECORD_AT } from './inbound-records.ts';
import { OutboundStream, type StreamRecord } from './outbound-stream.ts';
import type { Batch, Volume } from './volume.ts';

/** Lanes in outbox and cursors. The last two are cursors only: which fan-out record is being applied, and how much of it is. */
export const LANE = { forward: 0, fanout: 1, fanoutProgress: 2, fanoutRecord: 3 } as const;

const RELOAD_RECORDS = 256;
const LANE_SIZE = 0x1_0000;

/** A volume's number in one lane, as outbox and cursors have it. */
export function inLane(lane: number, volume: number): number {
  return lane * LANE_SIZE + volume;
}

/** Of all cursors of a store those of one lane, by volume. */
export function cursorsOfLane(cursors: Map<number, number>, lane: number): Map<number, number> {
  const own = [...cursors].filter(([source]) => Math.floor(source / LANE_SIZE) === lane);
  return new Map(own.map(([source, number]) => [source % LANE_SIZE, number]));
}

/** Kinds of bus messages of a lane. */
export interface LaneKinds {
  record: number;
  confirm: number;
}

export class DurableStreams {
  #volume: Volume;
  #lane: number;
  #kinds: LaneKinds;
  #streams = new Map<number, OutboundStream>();
  #gathered = new Map<number, FrameWriter>();
  /** Outbox records whose deletion waits for the next commit. */
  #done: Array<{ destination: number; number: number }> = [];
  /** The newest confirmed record of each destination stays in the store, so that numbers rise over a restart. */
  #kept = new Map<number, number>();
  #confirmWriter = Buffer.allocUnsafe(8);
  #waiters: Array<{ destination: number; number: number; resolve: () => void }> = [];

  constructor(volume: Volume, lane: number, kinds: LaneKinds) {
    this.#volume = volume;
    this.#lane = lane;
    this.#kinds = kinds;
  }

  /** Records left by an earlier life, of all lanes. */
  restore(outbox: OutboxRecord[]): void {
    const byDestination = new Map<number, StreamRecord[]>();
    for (const { destination, number, value } of outbox) {
      if (Math.floor(destination / LANE_SIZE) !== this.#lane) continue;
      const records = byDestination.get(destination % LANE_SIZE) ?? [];
      records.push({ number, value });
      byDestination.set(destination % LANE_SIZE, records);
    }
    for (const [destination, records] of byDestination) {
      this.#stream(destination, records.at(-1)!.number).restore(records);
    }
  }

  get unconfirmed(): number {
    let sum = 0;
    for (const stream of this.#streams.values()) sum += stream.unconfirmed;
    return sum;
  }

  /** Where to append what goes to a destination with the batch that gathers now. */
  gather(destination: number): FrameWriter {
    let writer = this.#gathered.get(destination);
    if (writer === undefined) {
      writer = new FrameWriter(16_384);
      this.#gathered.set(destination, writer);
    }
    return writer;
  }

  /** Whether something is on its way to the destination, so that whatever goes there by another way might overtake it. */
  isUnderWay(destination: number): boolean {
    if ((this.#gathered.get(destination)?.length ?? 0) > 0) return true;
    return (this.#streams.get(destination)?.unconfirmed ?? 0) > 0;
  }

  /** Resolves once the destination has committed everything that was sealed for it so far. */
  whenConfirmed(destination: number): Promise<void> {
    const stream = this.#streams.get(destination);
    if (stream === undefined || stream.unconfirmed === 0) return Promise.resolve();
    const number = stream.lastNumber;
    return new Promise((resolve) => this.#waiters.push({ destination, number, resolve }));
  }

  /** The batch is about to be committed: add what was gathered, and deletions that wait. */
  seal(batch: Batch): void {
    for (const [destination, writer] of this.#gathered) {
      if (writer.length === 0) continue;
      const stream = this.#stream(destination, 0);
      const record = { number: stream.nextNumber(), value: writer.take() };
      writer.reset();
      batch.store.putOutbox(inLane(this.#lane, destination), record.number, record.value);
      batch.effects.push({ apply: () => stream.push(record) });
    }
    if (batch.store.size > 0) this.#deleteDone(batch);
  }

  /** The destination has committed everything up to a number. */
  confirmed(from: number, payload: Buffer): void {
    const stream = this.#streams.get(from);
    if (!stream) return;
    const done = stream.confirm(readU64(payload, 0));
    this.#wake(from, stream);
    const last = done.pop();
    if (last === undefined) return;
    const kept = this.#kept.get(from);
    if (kept !== undefined) this.#done.push({ destination: from, number: kept });
    this.#kept.set(from, last);
    for (const number of done) this.#done.push({ destination: from, number });
  }

  resend(to: number): void {
    this.#streams.get(to)?.resend();
  }

  /** Deletions of an idle volume would wait for ever: give them a batch of their own now and then. */
  housekeeping(): void {
    if (this.#done.length > 0) this.#deleteDone(this.#volume.commit.current());
  }

  /** Tell a source, behind the batch that gathers now, that everything up to `number` is committed. */
  confirmAfterCommit(source: number, number: number): void {
    this.#volume.commit.current().effects.push({
      apply: () => {
        writeU64(this.#confirmWriter, 0, number);
        this.#volume.bus.send(this.#volume.id, source, this.#kinds.confirm, this.#confirmWriter);
      },
    });
  }

  #deleteDone(batch: Batch): void {
    for (const { destination, number } of this.#done) {
      batch.store.deleteOutbox(inLane(this.#lane, destination), number);
    }
    this.#done = [];
  }

  #wake(destination: number, stream: OutboundStream): void {
    if (this.#waiters.length === 0) return;
    const due = this.#waiters.filter(
      (waiter) => waiter.destination === destination && waiter.number <= stream.confirmed,
    );
    if (due.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => !due.includes(waiter));
    for (const { resolve } of due) resolve();
  }

  /**
   * Every life of a volume numbers anew, from a time in µs: its records can't be taken for repeats even if the store has
   * lost the end of the earlier numbering (a memory store; a power cut without fsync).
   */
  #stream(destination: number, lastStored: number): OutboundStream {
    let stream = this.#streams.get(destination);
    if (stream !== undefined) return stream;
    const volume = this.#volume;
    stream = new OutboundStream({
      destination,
      lastNumber: Math.max(lastStored, volume.options.now() * 1_000),
      memoryBytes: volume.options.outboxMemoryBytes,
      transmit: (record, previous) => {
        const payload = Buffer.allocUnsafe(RECORD_AT + record.value.length);
        writeU64(payload, 0, record.number);
        writeU64(payload, 8, previous);
        record.value.copy(payload, RECORD_AT);
        volume.bus.send(volume.id, destination, this.#kinds.record, payload);
      },
      reload: async (after) => {
        const records = await volume.store.outbox(inLane(this.#lane, destination), after, RELOAD_RECORDS);
        return records.map(({ number, value }) => ({ number, value }));
      },
    });
    this.#streams.set(destination, stream);
    return stream;
  }
}
