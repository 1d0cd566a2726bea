/**
 * The fan-out lane: from a group's volume to the volumes of its members. A record is applied in pieces of a bounded number of
 * members, with a turn of the event loop between them, so that a group of thousands does not hold up those who chat with each
 * other; how far a record has been applied is committed with each piece, so that nobody gets a message twice after a crash.
 */
import { BUS } from '../bus/bus.ts';
import { encodeGroupState, FrameWriter } from '../protocol/codec.ts';
import type { OutboxRecord } from '../store/message-store.ts';
import { PROPERTY } from '../store/properties.ts';
import { cursorsOfLane, DurableStreams, inLane, LANE } from './durable-streams.ts';
import { peerOf } from './entry.ts';
import { ROLE, ROLE_NAMES } from './group-object.ts';
import { GroupPiece } from './group-piece.ts';
import { appendFanoutChange, appendFanoutMessage, type FanoutItem, readFanout } from './group-record.ts';
import { InboundRecords } from './inbound-records.ts';
import { LocalMembers } from './local-members.ts';
import { shardOfOwner } from './owners.ts';
import type { UserState } from './user-state.ts';
import type { Batch, Volume } from './volume.ts';

/** So many pieces may be on their way to the disk before the next one waits. */
const PIECES_UNDER_WAY = 4;
const READ_PAUSE_MS = 200;
/** Members of one item, more than any group may have. */
const ITEM_SIZE = 2 ** 20;

/** How much of the record after the last applied one is done: so many whole items, and members of the next item. */
interface Progress {
  number: number;
  item: number;
  member: number;
}

export class GroupFanout {
  #volume: Volume;
  #streams: DurableStreams;
  #inbound = new InboundRecords(new Map());
  #members: LocalMembers;
  #progress = new Map<number, Progress>();
  /** Members in pieces that are not committed yet, and since the last pause. */
  #uncommitted = 0;
  #sincePause = 0;

  constructor(volume: Volume) {
    this.#volume = volume;
    this.#members = new LocalMembers(volume);
    this.#streams = new DurableStreams(volume, LANE.fanout, {
      record: BUS.fanout,
      confirm: BUS.fanoutConfirm,
    });
  }

  restore(outbox: OutboxRecord[], cursors: Map<number, number>): void {
    this.#inbound = new InboundRecords(cursorsOfLane(cursors, LANE.fanout));
    const numbers = cursorsOfLane(cursors, LANE.fanoutRecord);
    for (const [from, done] of cursorsOfLane(cursors, LANE.fanoutProgress)) {
      const number = numbers.get(from);
      if (number === undefined) continue;
      this.#progress.set(from, { number, item: Math.floor(done / ITEM_SIZE), member: done % ITEM_SIZE });
    }
    this.#streams.restore(outbox);
  }

  get unconfirmed(): number {
    return this.#streams.unconfirmed;
  }

  gatherMessage(destination: number, group: string, value: Buffer): void {
    appendFanoutMessage(this.#streams.gather(destination), group, value);
  }

  gatherChange(destination: number, group: string, user: string, role: number): void {
    appendFanoutChange(this.#streams.gather(destination), group, user, role);
  }

  whenConfirmed(destination: number): Promise<void> {
    return this.#streams.whenConfirmed(destination);
  }

  seal(batch: Batch): void {
    this.#streams.seal(batch);
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
    this.#members.housekeeping();
  }

  /** A fan-out record from a group's volume. */
  receive(from: number, payload: Buffer): void {
    if (!this.#volume.commit.healthy) {
      this.#inbound.refuse(from);
      return;
    }
    const arrival = this.#inbound.arrive(from, payload);
    if (arrival.kind === 'later') return;
    if (arrival.kind === 'repeat') this.#streams.confirmAfterCommit(from, arrival.applied);
    else void this.#work(from, this.#inbound.hold(from, arrival.number, arrival.record));
  }

  async #work(from: number, waiting: Array<{ number: number; record: Buffer }>): Promise<void> {
    const volume = this.#volume;
    while (waiting.length > 0 && !volume.closed) {
      const { number, record } = waiting[0]!;
      try {
        await this.#applyRecord(from, number, record);
        waiting.shift();
      } catch (error) {
        if (volume.closed) return;
        volume.options.log(`volume ${volume.id}: can't read members of a group: ${(error as Error).message}`);
        await new Promise((resolve) => setTimeout(resolve, READ_PAUSE_MS));
      }
    }
    this.#inbound.release(from);
  }

  async #applyRecord(from: number, number: number, record: Buffer): Promise<void> {
    const items = readFanout(record);
    let progress = this.#progress.get(from);
    if (progress?.number !== number) {
      progress = { number, item: 0, member: 0 };
      this.#progress.set(from, progress);
    }
    while (progress.item < items.length) {
      const item = items[progress.item]!;
      const members = this.#members.get(item.group) ?? (await this.#members.load(item.group));
      if (item.kind === 'change') {
        this.#applyChange(item);
        this.#advance(from, progress, progress.item + 1, 0);
        continue;
      }
      if (progress.member >= members.length) {
        this.#advance(from, progress, progress.item + 1, 0);
        continue;
      }
      const piece = members.slice(progress.member, progress.member + this.#volume.options.settings.fanoutPieceMembers);
      const users = this.#inMemory(piece) ?? (await Promise.all(piece.map((name) => this.#volume.users.load(name))));
      this.#applyPiece(users, item.value);
      this.#advance(from, progress, progress.item, progress.member + piece.length);
      await this.#pause(piece.length);
    }
    const batch = this.#volume.commit.current();
    batch.store.putCursor(inLane(LANE.fanout, from), number);
    this.#progress.delete(from);
    this.#inbound.applied(from, number);
    this.#streams.confirmAfterCommit(from, number);
  }

  /** In the same batch as what was done. */
  #advance(from: number, progress: Progress, item: number, member: number): void {
    progress.item = item;
    progress.member = member;
    const { store } = this.#volume.commit.current();
    store.putCursor(inLane(LANE.fanoutRecord, from), progress.number);
    store.putCursor(inLane(LANE.fanoutProgress, from), item * ITEM_SIZE + member);
  }

  #inMemory(names: string[]): UserState[] | undefined {
    const users: UserState[] = [];
    for (const name of names) {
      const user = this.#volume.users.get(name);
      if (user === undefined) return undefined;
      users.push(user);
    }
    return users;
  }

  #applyPiece(users: UserState[], value: Buffer): void {
    const batch = this.#volume.commit.current();
    const piece = new GroupPiece(this.#volume, () => {
      this.#uncommitted -= users.length;
    });
    // The author has it already, as sent.
    const author = peerOf(value);
    for (const user of users) if (user.name !== author) piece.append(batch, user, value);
    this.#uncommitted += users.length;
    batch.effects.push(piece);
  }

  /** A turn for everybody else; and no more than a few pieces that wait for the disk. */
  async #pause(members: number): Promise<void> {
    const { fanoutPieceMembers } = this.#volume.options.settings;
    this.#sincePause += members;
    if (this.#sincePause < fanoutPieceMembers) return;
    this.#sincePause = 0;
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#uncommitted > PIECES_UNDER_WAY * fanoutPieceMembers) {
      const { effects } = this.#volume.commit.current();
      await new Promise<void>((resolve) => effects.push({ apply: resolve }));
    }
  }

  #applyChange({ group, user: name, role }: Extract<FanoutItem, { kind: 'change' }>): void {
    const volume = this.#volume;
    const batch = volume.commit.current();
    const shard = shardOfOwner(name);
    if (role === ROLE.none) batch.store.deleteProperty(shard, name, PROPERTY.membership, group);
    else batch.store.putProperty(shard, name, PROPERTY.membership, group, Buffer.of(role));
    this.#members.change(batch, group, name, role !== ROLE.none);
    volume.users.peek(name)?.roles?.set(group, role);
    batch.effects.push({ apply: () => this.#tell(group, name, role) });
  }

  /** A user's devices learn what he is in the group now. */
  #tell(group: string, name: string, role: number): void {
    const devices = this.#volume.users.peek(name)?.devices ?? [];
    if (devices.length === 0) return;
    const w = new FrameWriter(128);
    encodeGroupState(w, 0, group, ROLE_NAMES[role]!, 0, 0);
    for (const device of devices) if (!device.closed) device.write(w.view());
  }
}
