/**
 * The first half of the send path: a client's message becomes an entry in its sender's timeline and, in the same atomic
 * write, either an entry in the recipient's timeline (same volume) or an outbox record (another volume). `sent` follows
 * the commit.
 */
import { encodeError, encodeSent, FrameWriter } from '../protocol/codec.ts';
import { ERRORS, type ErrorEntry } from '../protocol/errors.ts';
import { appendIn, appendOut, recipientOf, timeOf } from './entry.ts';
import { UNDECIDED } from './given-up.ts';
import { ROLE } from './group-object.ts';
import { groupOfOwner, groupOwner, isGroupOwner, shardOfOwner } from './owners.ts';
import { SendLimit } from './send-limit.ts';
import { forgetId, SentEffect } from './sent-effect.ts';
import type { Device } from './user-state.ts';
import type { Volume } from './volume.ts';

const RETRY_AFTER_MS = 1_000;
/** Between two looks into a store that can't be read. */
const LOOKUP_PAUSE_MS = 500;

/** Sends of one device that wait for a look into the store. */
const HELD_MOST = 1_024;

interface HeldSend {
  id: number;
  to: string;
  body: Buffer;
}

export class Sending {
  #volume: Volume;
  /** Entries of the batch being gathered; the other one belongs to the batch under way, whose frames are still needed. */
  #slab = new FrameWriter(65_536);
  #otherSlab = new FrameWriter(65_536);
  #reply = new FrameWriter(16_384);
  /** Devices with a send that needs a look into the store, and what they sent after it: it waits, to keep the order. */
  #held = new Map<Device, HeldSend[]>();
  #heldBytes = 0;
  #limit: SendLimit;

  constructor(volume: Volume) {
    this.#volume = volume;
    this.#limit = new SendLimit(volume.options.settings.userRate);
  }

  /** The batch leaves: the next one gets the other slab, free since the previous commit's effects have run. */
  seal(): void {
    const slab = this.#slab;
    this.#slab = this.#otherSlab;
    this.#otherSlab = slab;
    this.#slab.reset();
  }

  slab(): FrameWriter {
    return this.#slab;
  }

  /**
   * To a user, or to the members of a group by its owner name. `body` is valid during the call only. Leads to one answer to
   * the device: `sent` once it is stored, or an error.
   */
  send(device: Device, id: number, to: string, body: Uint8Array): void {
    const volume = this.#volume;
    if (body.length > volume.options.maxBodyBytes) {
      this.refuse(device, id, ERRORS.bodyTooLarge, 0);
      return;
    }
    const now = volume.options.now();
    if (this.#admit(device, id, now)) this.#accept(device, id, to, body, now);
  }

  /**
   * Whether the user's rate allows this send, which is then counted; else it is refused here. Asked once for each send,
   * before anything else is done for it.
   */
  #admit(device: Device, id: number, now: number): boolean {
    const waitMs = this.#limit.admit(device, id, now);
    if (waitMs === 0) return true;
    this.#volume.counters.rateLimited++;
    this.refuse(device, id, ERRORS.rateLimited, waitMs);
    this.#limit.refused(device, now);
    return false;
  }

  /** A send that its user's rate allows. */
  #accept(device: Device, id: number, to: string, body: Uint8Array, now: number): void {
    const user = device.user;
    const volume = this.#volume;
    if (this.#held.size > 0) {
      const held = this.#held.get(device);
      if (held !== undefined) {
        this.#hold(device, held, id, to, body);
        return;
      }
    }
    if (id <= user.highestClientId) {
      this.#held.set(device, []);
      this.#repeat(device, id, to, Buffer.from(body));
      return;
    }
    if (volume.draining) {
      this.refuse(device, id, ERRORS.draining, RETRY_AFTER_MS);
      return;
    }
    if (!volume.commit.healthy) {
      this.refuse(device, id, ERRORS.tryLater, RETRY_AFTER_MS);
      return;
    }
    if (isGroupOwner(to)) {
      this.#sendToGroup(device, id, to, body, now);
      return;
    }
    this.#append(device, id, to, body, now);
    user.highestClientId = id;
  }

  /** Devices that were refused something lately. */
  get refusedDevices(): number {
    return this.#limit.size;
  }

  /** Behind a look into the store. While that does not take messages what is new is refused at once, like any other. */
  #hold(device: Device, held: HeldSend[], id: number, to: string, body: Uint8Array): void {
    const { commit, options } = this.#volume;
    const isNew = id > device.user.highestClientId;
    const room = held.length < HELD_MOST && this.#heldBytes + body.length <= options.settings.maxUncommittedBytes;
    if (room && (commit.healthy || !isNew)) {
      this.#heldBytes += body.length;
      held.push({ id, to, body: Buffer.from(body) });
    } else this.refuse(device, id, isNew ? ERRORS.tryLater : UNDECIDED, RETRY_AFTER_MS);
  }

  /** Once a second. */
  housekeeping(now: number): void {
    this.#limit.housekeeping(now);
  }

  sendGroup(device: Device, id: number, group: string, body: Uint8Array): void {
    this.send(device, id, groupOwner(group), body);
  }

  refuse(device: Device, id: number, error: ErrorEntry, retryAfterMs: number): void {
    if (device.closed) return;
    this.#reply.reset();
    encodeError(this.#reply, error.code, id, retryAfterMs, error.text);
    device.write(this.#reply.take());
  }

  /** Members may write to a group; the sender's own shard knows whether he is one, if need be after a look into the store. */
  #sendToGroup(device: Device, id: number, to: string, body: Uint8Array, time: number): void {
    const { user } = device;
    const role = this.#volume.groups.knownRole(user, groupOfOwner(to));
    // At once, so that an equal send of another device is taken for the repeat that it is.
    user.highestClientId = id;
    if (role === undefined) {
      this.#held.set(device, []);
      this.#repeat(device, id, to, Buffer.from(body));
    } else if (role === ROLE.none) {
      this.refuse(device, id, ERRORS.notMember, 0);
    } else {
      this.#append(device, id, to, body, time);
    }
  }

  #append(device: Device, id: number, to: string, body: Uint8Array, time: number): void {
    const volume = this.#volume;
    const user = device.user;
    const batch = volume.commit.current();
    const seq = user.head + 1;
    const slab = this.#slab;
    const out = appendOut(slab, seq, id, time, user.name, to, body);
    user.head = seq;
    const toGroup = isGroupOwner(to);
    batch.store.putEntry(user.shard, user.name, seq, toGroup ? null : to, out);
    batch.store.putClientId(user.shard, user.name, id, seq);
    user.uncommittedIds ??= new Map();
    user.uncommittedIds.set(id, seq);

    const destination = volume.table[shardOfOwner(to)]!;
    const recipient = volume.forwarding.directRecipient(destination, to);
    if (recipient === undefined) {
      volume.forwarding.gather(destination, to, id, time, user.name, body, seq);
      batch.effects.push(new SentEffect(volume, device, id, seq, time, out));
      return;
    }
    if (toGroup) {
      volume.groups.append(batch, recipient, appendIn(slab, 1, id, time, user.name, to, body, seq));
      batch.effects.push(new SentEffect(volume, device, id, seq, time, out));
      return;
    }
    const recipientSeq = ++recipient.head;
    const value = appendIn(slab, recipientSeq, id, time, user.name, to, body, seq);
    batch.store.putEntry(recipient.shard, to, recipientSeq, user.name, value);
    batch.effects.push(new SentEffect(volume, device, id, seq, time, out));
    volume.delivery.gather(batch, recipient, recipientSeq, value, user.name, seq);
  }

  /**
   * A send that needs a look into the store: its id is not above all earlier ones (a retry, or ids of several devices out of
   * order), or whether the sender is a member of the group is not in memory.
   */
  #repeat(device: Device, id: number, to: string, body: Buffer): void {
    const user = device.user;
    if (user.uncommittedIds?.has(id)) {
      if (!this.#volume.commit.healthy) {
        // Who repeats does not wait with the first: there would be no end of them.
        this.refuse(device, id, this.#volume.givenUp.errorOf(user.name, id), RETRY_AFTER_MS);
        this.#release(device);
        return;
      }
      // Its commit is under way: look again behind it.
      this.#volume.commit.current().effects.push({ apply: () => this.#repeat(device, id, to, body) });
      return;
    }
    // Marked while the store is asked, so that of two equal sends only one can be found to be new.
    user.uncommittedIds ??= new Map();
    user.uncommittedIds.set(id, 0);
    void this.#lookUp(device, id, to, body);
  }

  async #lookUp(device: Device, id: number, to: string, body: Buffer): Promise<void> {
    const { store } = this.#volume;
    const user = device.user;
    try {
      const seq = await store.findClientId(user.shard, user.name, id);
      if (seq === undefined) {
        const mayWrite =
          !isGroupOwner(to) || (await this.#volume.groups.loadRole(user, groupOfOwner(to))) !== ROLE.none;
        forgetId(user, id);
        this.#sendNew(device, id, to, body, mayWrite);
      } else {
        const [entry] = await store.timeline(user.shard, user.name, { after: seq - 1, before: seq + 1, limit: 1 });
        forgetId(user, id);
        this.#answerRepeat(device, id, to, seq, entry?.value);
      }
    } catch {
      forgetId(user, id);
      // Whether it was stored is not known, so an error, which says that it was not, would be a lie.
      if (device.closed || this.#volume.closed) this.#unhold(device);
      else setTimeout(() => this.#repeat(device, id, to, body), LOOKUP_PAUSE_MS);
      return;
    }
    this.#release(device);
  }

  #answerRepeat(device: Device, id: number, to: string, seq: number, value: Buffer | undefined): void {
    if (device.closed) return;
    if (value && recipientOf(value) !== to) {
      this.refuse(device, id, ERRORS.idReused, 0);
      return;
    }
    this.#volume.counters.repeated++;
    this.#reply.reset();
    encodeSent(this.#reply, id, seq, value ? timeOf(value) : this.#volume.options.now());
    device.write(this.#reply.take());
  }

  /** The store was asked: the id is new. */
  #sendNew(device: Device, id: number, to: string, body: Buffer, mayWrite: boolean): void {
    const { draining, commit, options } = this.#volume;
    // It may have been stored and removed since; the other refusals would say that it was not.
    if (id <= device.user.clientIdFloor) this.refuse(device, id, ERRORS.idTooOld, 0);
    else if (draining) this.refuse(device, id, ERRORS.draining, RETRY_AFTER_MS);
    else if (!commit.healthy) this.refuse(device, id, ERRORS.tryLater, RETRY_AFTER_MS);
    else if (!mayWrite) this.refuse(device, id, ERRORS.notMember, 0);
    else this.#append(device, id, to, body, options.now());
  }

  /** What the device sent meanwhile takes its turn. A device that has gone sends it again elsewhere. */
  #release(device: Device): void {
    const held = this.#unhold(device);
    if (device.closed) return;
    const now = this.#volume.options.now();
    for (const { id, to, body } of held) this.#accept(device, id, to, body, now);
  }

  #unhold(device: Device): HeldSend[] {
    const held = this.#held.get(device) ?? [];
    this.#held.delete(device);
    for (const { body } of held) this.#heldBytes -= body.length;
    return held;
  }
}
