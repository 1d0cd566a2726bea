/**
 * Messages for users and groups of other volumes. They are gathered per destination, stored in the sender's own batch and
 * repeated until the destination has committed them (durable-streams.ts). The destination remembers, in the same commit, how
 * far it has applied each source, and drops repeats.
 *
 * The same way is taken within a volume when the recipient is not in memory yet.
 */
import { BUS } from '../bus/bus.ts';
import type { OutboxRecord } from '../store/message-store.ts';
import { DurableStreams, LANE } from './durable-streams.ts';
import { appendInCopy, peerOf, senderSeqOf } from './entry.ts';
import { appendForward, readForward } from './forward-record.ts';
import { InboundRecords } from './inbound-records.ts';
import { isGroupOwner } from './owners.ts';
import type { UserState } from './user-state.ts';
import type { Batch, Volume } from './volume.ts';

export class Forwarding {
  #volume: Volume;
  #streams: DurableStreams;
  #inbound = new InboundRecords(new Map());

  constructor(volume: Volume) {
    this.#volume = volume;
    this.#streams = new DurableStreams(volume, LANE.forward, {
      record: BUS.forward,
      confirm: BUS.confirm,
    });
  }

  /** `applied`: the cursors of this lane. */
  restore(outbox: OutboxRecord[], applied: Map<number, number>): void {
    this.#inbound = new InboundRecords(applied);
    this.#streams.restore(outbox);
  }

  get unconfirmed(): number {
    return this.#streams.unconfirmed;
  }

  /**
   * The recipient's state (or the group's) when the message can be appended in the sender's own batch: same volume, in
   * memory, and nothing under way to this volume that an immediate append could overtake.
   */
  directRecipient(destination: number, to: string): UserState | undefined {
    if (destination !== this.#volume.id) return undefined;
    if (this.#streams.isUnderWay(destination)) return undefined;
    return this.#recipient(to);
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
    appendForward(this.#streams.gather(destination), to, id, time, sender, body, seq);
    this.#volume.counters.forwarded++;
  }

  seal(batch: Batch): void {
    this.#streams.seal(batch);
  }

  /** A forward record from another volume. */
  receive(from: number, payload: Buffer): void {
    if (!this.#volume.commit.healthy) {
      this.#inbound.refuse(from);
      return;
    }
    const arrival = this.#inbound.arrive(from, payload);
    if (arrival.kind === 'later') return;
    if (arrival.kind === 'repeat') {
      // Its commit is done or under way, so confirm behind it.
      this.#streams.confirmAfterCommit(from, arrival.applied);
      return;
    }
    if (this.#apply(from, arrival.number, arrival.record)) return;
    void this.#loadAndApply(from, this.#inbound.hold(from, arrival.number, arrival.record));
  }

  confirmed(from: number, payload: Buffer): void {
    this.#streams.confirmed(from, payload);
  }

  resend(to: number): void {
    this.#streams.resend(to);
  }

  /** Volumes that must repeat what they have for this one. */
  get behind(): ReadonlySet<number> {
    return this.#inbound.behind;
  }

  housekeeping(): void {
    this.#streams.housekeeping();
  }

  /** A group can be appended to once its object is in memory as well. */
  #recipient(name: string): UserState | undefined {
    if (isGroupOwner(name) && !this.#volume.groups.isLoaded(name)) return undefined;
    return this.#volume.users.get(name);
  }

  /** Appends the record's messages if all recipients are in memory; false if some must be loaded first. */
  #apply(from: number, number: number, record: Buffer): boolean {
    const volume = this.#volume;
    const items: Array<{ recipient: UserState; value: Buffer }> = [];
    let complete = true;
    readForward(record, (name, value) => {
      const recipient = this.#recipient(name);
      if (recipient === undefined) complete = false;
      else items.push({ recipient, value });
    });
    if (!complete) return false;
    const batch = volume.commit.current();
    const slab = volume.sending.slab();
    for (const { recipient, value } of items) {
      if (isGroupOwner(recipient.name)) {
        volume.groups.append(batch, recipient, value);
        continue;
      }
      const seq = ++recipient.head;
      const sender = peerOf(value);
      const stored = appendInCopy(slab, value, seq);
      batch.store.putEntry(recipient.shard, recipient.name, seq, sender, stored);
      volume.delivery.gather(batch, recipient, seq, stored, sender, senderSeqOf(value));
    }
    batch.store.putCursor(from, number);
    this.#inbound.applied(from, number);
    this.#streams.confirmAfterCommit(from, number);
    return true;
  }

  async #loadAndApply(from: number, waiting: Array<{ number: number; record: Buffer }>): Promise<void> {
    const volume = this.#volume;
    while (waiting.length > 0 && !volume.closed) {
      const { number, record } = waiting[0]!;
      const names: string[] = [];
      readForward(record, (name) => names.push(name));
      try {
        await Promise.all(names.map((name) => this.#load(name)));
        // Those that wait are bounded by what their source keeps in memory.
        if (!volume.commit.healthy) await new Promise((resolve) => setTimeout(resolve, 200));
        else if (this.#apply(from, number, record)) waiting.shift();
      } catch (error) {
        if (volume.closed) return;
        volume.options.log(`volume ${volume.id}: can't read recipients: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    }
    this.#inbound.release(from);
  }

  async #load(name: string): Promise<void> {
    if (isGroupOwner(name)) await this.#volume.groups.load(name);
    await this.#volume.users.load(name);
  }
}
