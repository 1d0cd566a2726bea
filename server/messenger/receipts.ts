/**
 * `delivered`: a device of the recipient acknowledged, so the sender is told. `stored`: the recipient has no device
 * connected. Both are cumulative by the sender's own sequence, so that repeating one is harmless, and coalesced per turn.
 *
 * Durability without a write per receipt: the sender's volume keeps changed positions in memory, writes them once a
 * second and only then confirms to the recipient's volume; that one persists its `acknowledged` position only after the
 * confirmation. A crash on either side makes the receipts be told again, never be forgotten.
 */
import { BUS } from '../bus/bus.ts';
import { encodeReceipt, FrameWriter } from '../protocol/codec.ts';
import { logicalShard } from '../shard-map.ts';
import { isGroup, isOut, peerOf, readU64, senderSeqOf, writeU64 } from './entry.ts';
import { appendReceipt, type ReceiptState, readReceipts } from './forward-record.ts';
import { MergedReceipts } from './merged-receipts.ts';
import { OutboundStream } from './outbound-stream.ts';
import { type Device, UNACKNOWLEDGED_MOST, type UserState } from './user-state.ts';
import type { Volume } from './volume.ts';

const SETTLE_ENTRIES = 256;
/** Unconfirmed bytes to one destination, beyond which receipts are merged until it has confirmed; it does so once a second. */
const WINDOW_BYTES = 2 * 1024 * 1024;

export class Receipts {
  #volume: Volume;
  #streams = new Map<number, OutboundStream>();
  #gathered = new Map<number, FrameWriter>();
  #scheduled = false;
  /** For destinations that have not confirmed much. */
  #merged = new MergedReceipts();
  /** Delivered positions that changed since the last housekeeping, by sender and recipient. */
  #changed = new Map<string, { sender: string; recipient: string; delivered: number }>();
  /** The same, on their way to the store: one map per housekeeping round whose commit is under way, newest last. */
  #persisting: Array<Map<string, { sender: string; recipient: string; delivered: number }>> = [];
  /** Receipts taken from each source volume since the last housekeeping. */
  #unconfirmedSources = new Map<number, number>();
  /** Users whose acknowledged position has not been persisted. */
  #dirty = new Set<UserState>();
  /** Positions that wait until the receipts they stand for are confirmed. */
  #awaiting: { positions: Array<[UserState, number]>; barriers: Map<number, number> } | null = null;
  #frame = new FrameWriter(16_384);

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  isDirty(user: UserState): boolean {
    return this.#dirty.has(user) || (this.#awaiting?.positions.some(([waiting]) => waiting === user) ?? false);
  }

  /** A received entry was shown to a device: an acknowledgement will come. */
  expect(user: UserState, seq: number, sender: string, senderSeq: number): void {
    user.unacknowledged ??= [];
    user.unacknowledged.push({ seq, sender, senderSeq });
    if (user.unacknowledged.length > UNACKNOWLEDGED_MOST) {
      user.unacknowledged = null;
      user.coveredFrom = seq;
    }
  }

  /** What was shown but not acknowledged waits in the store now; its senders are told. */
  lastDeviceLeft(user: UserState): void {
    const entries = user.unacknowledged;
    if (entries !== null && !this.#volume.draining) {
      entries.forEach(({ sender, senderSeq }, i) => {
        if (entries[i + 1]?.sender !== sender) this.emit('stored', sender, user.name, senderSeq);
      });
    }
    user.unacknowledged = null;
    user.coveredFrom = user.committed;
  }

  /** A device has everything up to `seq`. */
  acknowledge(user: UserState, seq: number): void {
    const target = Math.min(seq, user.committed);
    if (target <= user.acknowledgedTarget) return;
    user.acknowledgedTarget = target;
    if (!user.settling) this.#settle(user);
  }

  /** Tell `sender` about its messages to `recipient` up to its own sequence `upTo`. */
  emit(state: ReceiptState, sender: string, recipient: string, upTo: number): void {
    if (state === 'stored') this.#volume.presence.foundOffline(recipient);
    const destination = this.#volume.table[logicalShard(sender)]!;
    if (destination === this.#volume.id) {
      this.#take(state, sender, recipient, upTo);
      return;
    }
    let writer = this.#gathered.get(destination);
    if (writer === undefined) {
      writer = new FrameWriter(8_192);
      this.#gathered.set(destination, writer);
    }
    appendReceipt(writer, state, sender, recipient, upTo);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#transmit());
  }

  /** Bytes of receipts that other volumes have not confirmed. */
  get waitingBytes(): number {
    let sum = 0;
    for (const stream of this.#streams.values()) sum += stream.waitingBytes;
    return sum;
  }

  receive(from: number, payload: Buffer): void {
    readReceipts(payload.subarray(8), (state, sender, recipient, upTo) => this.#take(state, sender, recipient, upTo));
    this.#unconfirmedSources.set(from, readU64(payload, 0));
  }

  confirmed(from: number, payload: Buffer): void {
    this.#streams.get(from)?.confirm(readU64(payload, 0));
    if (!this.#merged.empty) this.#sendMerged(from);
  }

  resend(to: number): void {
    this.#streams.get(to)?.resend();
  }

  /** A device asks how far its messages to these peers have come. */
  status(device: Device, peers: string[]): void {
    const { user } = device;
    for (const peer of peers) {
      const changed = this.#unstored(user.name, peer);
      if (changed !== undefined) {
        device.write(this.#receiptFrame('delivered', peer, changed));
        continue;
      }
      this.#volume.store.receipt(user.shard, user.name, peer).then(
        (receipt) => {
          if (receipt && !device.closed) device.write(this.#receiptFrame('delivered', peer, receipt.delivered));
        },
        () => {}, // the client asks again after a reconnect
      );
    }
  }

  /** How far the peer has received what the user sent, by the user's own sequence; undefined: nothing is known. */
  async deliveredTo(user: string, peer: string): Promise<number | undefined> {
    return this.#unstored(user, peer) ?? (await this.#volume.store.receipt(logicalShard(user), user, peer))?.delivered;
  }

  /** A delivered position that the store may not have yet. */
  #unstored(user: string, peer: string): number | undefined {
    const key = `${user}\n${peer}`;
    const changed = this.#changed.get(key) ?? this.#persisting.findLast((map) => map.has(key))?.get(key);
    return changed?.delivered;
  }

  housekeeping(): void {
    this.#persistChanged();
    this.#persistAcknowledged();
  }

  /** Once a second: what senders were told becomes durable, then its sources are told so. */
  #persistChanged(): void {
    if (this.#changed.size === 0 && this.#unconfirmedSources.size === 0) return;
    const batch = this.#volume.commit.current();
    if (this.#changed.size > 0) {
      for (const { sender, recipient, delivered } of this.#changed.values()) {
        batch.store.putReceipt(logicalShard(sender), sender, recipient, { delivered });
      }
      this.#persisting.push(this.#changed);
      this.#changed = new Map();
      // Batches are committed in order, so the first is always the one that is done.
      batch.effects.push({ apply: () => void this.#persisting.shift() });
    }
    for (const [source, number] of this.#unconfirmedSources) {
      batch.effects.push({
        apply: () => {
          const payload = Buffer.allocUnsafe(8);
          writeU64(payload, 0, number);
          this.#volume.bus.send(this.#volume.id, source, BUS.receiptsConfirm, payload);
        },
      });
    }
    this.#unconfirmedSources.clear();
  }

  #persistAcknowledged(): void {
    if (this.#awaiting !== null) {
      for (const [destination, number] of this.#awaiting.barriers) {
        if (this.#streams.get(destination)!.confirmed < number) return;
      }
      const batch = this.#volume.commit.current();
      for (const [user, seq] of this.#awaiting.positions) batch.store.putAcknowledged(user.shard, user.name, seq);
      this.#awaiting = null;
    }
    if (this.#dirty.size === 0) return;
    // Receipts that wait for the end of the turn must be numbered, or the barriers would not count them.
    this.#transmit();
    if (!this.#merged.empty) return;
    const barriers = new Map<number, number>();
    for (const [destination, stream] of this.#streams) barriers.set(destination, stream.lastNumber);
    this.#awaiting = { positions: [...this.#dirty].map((user) => [user, user.acknowledged]), barriers };
    this.#dirty.clear();
  }

  /** Turn an acknowledged position into receipts: from memory, or from the store where memory does not reach. */
  #settle(user: UserState): void {
    if (user.acknowledged < Math.min(user.coveredFrom, user.acknowledgedTarget)) {
      user.settling = true;
      this.#settleFromStore(user).finally(() => {
        user.settling = false;
        if (user.acknowledged < user.acknowledgedTarget && !this.#volume.closed) this.#settle(user);
      });
      return;
    }
    const entries = user.unacknowledged;
    let count = 0;
    if (entries !== null) {
      while (count < entries.length && entries[count]!.seq <= user.acknowledgedTarget) {
        const { seq, sender, senderSeq } = entries[count]!;
        count++;
        // Removed before it was acknowledged: it may be that no device got it.
        if (seq <= user.trimmed) continue;
        const next = entries[count];
        // Receipts are cumulative: of a row from one sender the last says it all.
        if (next !== undefined && next.sender === sender && next.seq <= user.acknowledgedTarget) continue;
        this.emit('delivered', sender, user.name, senderSeq);
      }
      this.#volume.counters.delivered += count;
      if (count === entries.length) user.unacknowledged = null;
      else entries.splice(0, count);
    }
    user.acknowledged = user.acknowledgedTarget;
    this.#dirty.add(user);
  }

  async #settleFromStore(user: UserState): Promise<void> {
    try {
      const before = Math.min(user.coveredFrom, user.acknowledgedTarget) + 1;
      const entries = await this.#volume.store.timeline(user.shard, user.name, {
        // What was removed lies there as so many marks of LevelDB's, which a read would pass over one by one.
        after: Math.max(user.acknowledged, user.trimmed),
        before,
        limit: SETTLE_ENTRIES,
      });
      const upTo = new Map<string, number>();
      for (const { value } of entries) {
        if (isOut(value) || isGroup(value)) continue;
        upTo.set(peerOf(value), senderSeqOf(value));
        this.#volume.counters.delivered++;
      }
      for (const [sender, senderSeq] of upTo) this.emit('delivered', sender, user.name, senderSeq);
      user.acknowledged = entries.length < SETTLE_ENTRIES ? before - 1 : entries.at(-1)!.seq;
      this.#dirty.add(user);
    } catch (error) {
      if (this.#volume.closed) return;
      this.#volume.options.log(`volume ${this.#volume.id}: can't read for receipts: ${(error as Error).message}`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  #take(state: ReceiptState, sender: string, recipient: string, upTo: number): void {
    this.#volume.counters.receipts++;
    if (state === 'delivered') {
      const key = `${sender}\n${recipient}`;
      const changed = this.#changed.get(key);
      if (changed === undefined) this.#changed.set(key, { sender, recipient, delivered: upTo });
      else if (upTo > changed.delivered) changed.delivered = upTo;
    }
    const user = this.#volume.users.peek(sender);
    if (user === undefined) return;
    for (const device of user.devices) {
      if (!device.closed) device.writeLater(this.#receiptFrame(state, recipient, upTo));
    }
  }

  #receiptFrame(state: ReceiptState, peer: string, upTo: number): Buffer {
    const w = this.#frame;
    // Frames must stay intact until they have left: a full chunk is replaced, never reused.
    if (w.length + 256 > w.buffer.length) {
      w.buffer = Buffer.allocUnsafeSlow(w.buffer.length);
      w.length = 0;
    }
    const start = w.length;
    encodeReceipt(w, state, peer, upTo);
    return w.buffer.subarray(start, w.length);
  }

  #transmit(): void {
    this.#scheduled = false;
    for (const [destination, writer] of this.#gathered) {
      if (writer.length === 0) continue;
      const stream = this.#stream(destination);
      if (this.#merged.has(destination) || stream.waitingBytes > WINDOW_BYTES)
        this.#merged.add(destination, writer.view());
      else stream.push({ number: stream.nextNumber(), value: writer.take() });
      writer.reset();
    }
  }

  #sendMerged(destination: number): void {
    const stream = this.#stream(destination);
    this.#merged.drain(
      destination,
      () => stream.waitingBytes <= WINDOW_BYTES,
      (value) => stream.push({ number: stream.nextNumber(), value }),
    );
  }

  #stream(destination: number): OutboundStream {
    let stream = this.#streams.get(destination);
    if (stream !== undefined) return stream;
    const volume = this.#volume;
    stream = new OutboundStream({
      destination,
      // Not stored, so the numbers of an earlier life are unknown: a time in µs is above them all.
      lastNumber: volume.options.now() * 1_000,
      memoryBytes: volume.options.outboxMemoryBytes,
      transmit: (record) => {
        const payload = Buffer.allocUnsafe(8 + record.value.length);
        writeU64(payload, 0, record.number);
        record.value.copy(payload, 8);
        volume.bus.send(volume.id, destination, BUS.receipts, payload);
      },
    });
    this.#streams.set(destination, stream);
    return stream;
  }
}
