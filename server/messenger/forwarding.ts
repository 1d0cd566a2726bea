/**
 * Messages for users of other volumes. They are gathered per destination while a batch gathers, stored as one outbox
 * record per destination and batch, sent over the bus after the commit, and repeated until the destination has confirmed
 * its own commit. The destination remembers, in the same commit, how far it has applied each source, and drops repeats.
 *
 * The same way is taken within a volume when the recipient is not in memory yet.
 */
import { BUS } from '../bus/bus.ts';
import { FrameWriter } from '../protocol/codec.ts';
import { appendInCopy, peerOf, readU64, senderSeqOf, writeU64 } from './entry.ts';
import { appendForward, readForward } from './forward-record.ts';
import { OutboundStream, type StreamRecord } from './outbound-stream.ts';
import type { UserState } from './user-state.ts';
import type { Batch, Volume } from './volume.ts';

const RELOAD_RECORDS = 256;

export class Forwarding {
  #volume: Volume;
  #streams = new Map<number, OutboundStream>();
  #gathered = new Map<number, FrameWriter>();
  /** Per source: applied (in memory) up to here; commits follow in order. */
  #applied = new Map<number, number>();
  /** Records that wait because recipients are being loaded, per source, in order. */
  #waiting = new Map<number, Array<{ number: number; record: Buffer }>>();
  /** Outbox records whose deletion waits for the next commit. */
  #done: Array<{ destination: number; number: number }> = [];
  /** The newest confirmed record of each destination stays in the store, so that numbers rise over a restart. */
  #kept = new Map<number, number>();
  #confirmWriter = Buffer.allocUnsafe(8);

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  async restore(): Promise<void> {
    this.#applied = await this.#volume.store.cursors();
    const byDestination = new Map<number, StreamRecord[]>();
    for (const record of await this.#volume.store.outbox()) {
      const records = byDestination.get(record.destination) ?? [];
      records.push({ number: record.number, value: record.value });
      byDestination.set(record.destination, records);
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

  /**
   * The recipient's state when the message can be appended in the sender's own batch: same volume, in memory, and nothing
   * under way to this volume that an immediate append could overtake.
   */
  directRecipient(destination: number, to: string): UserState | undefined {
    if (destination !== this.#volume.id) return undefined;
    if ((this.#gathered.get(destination)?.length ?? 0) > 0) return undefined;
    if ((this.#streams.get(destination)?.unconfirmed ?? 0) > 0) return undefined;
    return this.#volume.users.get(to);
  }

  gather(
    destination: number,
    to: string,
    id: number,
    time: number,
    sender: string,
    body: Uint8Array,
    seq: number,
  ): void {
    let writer = this.#gathered.get(destination);
    if (writer === undefined) {
      writer = new FrameWriter(16_384);
      this.#gathered.set(destination, writer);
    }
    appendForward(writer, to, id, time, sender, body, seq);
    this.#volume.counters.forwarded++;
  }

  /** The batch is about to be committed: add what was gathered, and deletions that wait. */
  seal(batch: Batch): void {
    for (const [destination, writer] of this.#gathered) {
      if (writer.length === 0) continue;
      const stream = this.#stream(destination, 0);
      const record = { number: stream.nextNumber(), value: writer.take() };
      writer.reset();
      batch.store.putOutbox(destination, record.number, record.value);
      batch.effects.push({ apply: () => stream.push(record) });
    }
    if (batch.store.size === 0) return;
    for (const { destination, number } of this.#done) batch.store.deleteOutbox(destination, number);
    this.#done = [];
  }

  /** A forward record from another volume. */
  receive(from: number, payload: Buffer, startsNumbering: boolean): void {
    const number = readU64(payload, 0);
    const waiting = this.#waiting.get(from);
    if (waiting !== undefined) {
      if (number > waiting.at(-1)!.number) waiting.push({ number, record: Buffer.from(payload.subarray(8)) });
      return;
    }
    const applied = this.#applied.get(from) ?? 0;
    if (number <= applied) {
      // A repeat; its commit is done or under way, so confirm behind it.
      this.#confirmAfterCommit(from, applied);
      return;
    }
    // Records arrive in order; a hole can only be the tail of a broken link, and its repetition is on its way.
    if (applied > 0 && number > applied + 1 && !startsNumbering) return;
    const record = payload.subarray(8);
    if (this.#apply(from, number, record)) return;
    this.#waiting.set(from, [{ number, record: Buffer.from(record) }]);
    void this.#loadAndApply(from);
  }

  confirmed(from: number, payload: Buffer): void {
    const stream = this.#streams.get(from);
    if (!stream) return;
    const done = stream.confirm(readU64(payload, 0));
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
    if (this.#done.length === 0) return;
    const batch = this.#volume.commit.current();
    for (const { destination, number } of this.#done) batch.store.deleteOutbox(destination, number);
    this.#done = [];
  }

  /** Appends the record's messages if all recipients are in memory; false if some must be loaded first. */
  #apply(from: number, number: number, record: Buffer): boolean {
    const volume = this.#volume;
    const items: Array<{ recipient: UserState; value: Buffer }> = [];
    let complete = true;
    readForward(record, (name, value) => {
      const recipient = volume.users.get(name);
      if (recipient === undefined) complete = false;
      else items.push({ recipient, value });
    });
    if (!complete) return false;
    const batch = volume.commit.current();
    const slab = volume.sending.slab();
    for (const { recipient, value } of items) {
      const seq = ++recipient.head;
      const sender = peerOf(value);
      const stored = appendInCopy(slab, value, seq);
      batch.store.putEntry(recipient.shard, recipient.name, seq, sender, stored);
      volume.delivery.gather(batch, recipient, seq, stored, sender, senderSeqOf(value));
    }
    batch.store.putCursor(from, number);
    this.#applied.set(from, number);
    this.#confirmAfterCommit(from, number);
    return true;
  }

  async #loadAndApply(from: number): Promise<void> {
    const waiting = this.#waiting.get(from)!;
    while (waiting.length > 0 && !this.#volume.closed) {
      const { number, record } = waiting[0]!;
      const names: string[] = [];
      readForward(record, (name) => names.push(name));
      try {
        await Promise.all(names.map((name) => this.#volume.users.load(name)));
        if (this.#apply(from, number, record)) waiting.shift();
      } catch (error) {
        if (this.#volume.closed) return;
        this.#volume.options.log(`volume ${this.#volume.id}: can't read recipients: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    this.#waiting.delete(from);
  }

  #confirmAfterCommit(from: number, number: number): void {
    this.#volume.commit.current().effects.push({
      apply: () => {
        writeU64(this.#confirmWriter, 0, number);
        this.#volume.bus.send(this.#volume.id, from, BUS.confirm, this.#confirmWriter);
      },
    });
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
      transmit: (record, starts) => {
        const payload = Buffer.allocUnsafe(8 + record.value.length);
        writeU64(payload, 0, record.number);
        record.value.copy(payload, 8);
        volume.bus.send(volume.id, destination, starts ? BUS.forwardFirst : BUS.forward, payload);
      },
      reload: async (after) => {
        const records = await volume.store.outbox(destination, after, RELOAD_RECORDS);
        return records.map(({ number, value }) => ({ number, value }));
      },
    });
    this.#streams.set(destination, stream);
    return stream;
  }
}
