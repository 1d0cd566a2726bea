/**
 * Group chat. A group lives on the logical shard of its GroupChatID, where its messages get their order and are stored once;
 * from there each volume with members gets one record a message (group-fanout.ts) and appends it to their timelines.
 *
 * Whether somebody may write to a group is known where he lives: the group's shard tells every change of the membership to
 * the member's shard, in the same lane and order as messages. So `sent` needs no question to another shard, and a message that
 * was acknowledged is never refused later.
 */
import type { GroupRequest } from '../protocol/messages.ts';
import { logicalShard } from '../shard-map.ts';
import { PROPERTY } from '../store/properties.ts';
import { appendGroupCopy } from './entry.ts';
import { GroupActions, type GroupAnswer } from './group-actions.ts';
import { GroupFanout } from './group-fanout.ts';
import { decodeGroupObject, type GroupObject, ROLE } from './group-object.ts';
import { GroupRequests } from './group-requests.ts';
import { groupOfOwner, groupOwner } from './owners.ts';
import type { Device, UserState } from './user-state.ts';
import type { Batch, Volume } from './volume.ts';

/** Group objects kept in memory; the oldest give way. */
const OBJECTS_MOST = 20_000;

export class Groups {
  readonly fanout: GroupFanout;
  readonly requests: GroupRequests;
  #volume: Volume;
  #actions: GroupActions;
  /** Groups of this volume; undefined: there is none of this id. */
  #objects = new Map<string, GroupObject | undefined>();

  constructor(volume: Volume) {
    this.#volume = volume;
    this.fanout = new GroupFanout(volume);
    this.#actions = new GroupActions(volume, this);
    this.requests = new GroupRequests(volume, this);
  }

  /** A device asks for something to be done with a group of any volume; it gets `group` or `error`. */
  request(device: Device, request: GroupRequest): void {
    this.requests.send(device, request);
  }

  /** Do something with a group of *this* volume. Resolves once it is committed and the actor's own shard knows it. */
  execute(actor: string, request: GroupRequest): Promise<GroupAnswer> {
    return this.#actions.execute(actor, request);
  }

  /** Members of a group of this volume after a name, in the order of their UTF-8 bytes. */
  async members(
    group: string,
    after: string | undefined,
    limit: number,
  ): Promise<Array<{ user: string; role: number }>> {
    const query = after === undefined ? { limit } : { after, limit };
    const rows = await this.#volume.store.properties(logicalShard(group), groupOwner(group), PROPERTY.member, query);
    return rows.map(({ name, value }) => ({ user: name, role: value[0]! }));
  }

  /** A user's role in a group of this volume. */
  async roleOf(group: string, user: string): Promise<number> {
    const { store } = this.#volume;
    const value = await store.property(logicalShard(group), groupOwner(group), PROPERTY.member, user);
    return value?.[0] ?? ROLE.none;
  }

  /** A user of this volume and a group of any: his role if that is in memory. */
  knownRole(user: UserState, group: string): number | undefined {
    return user.roles?.get(group);
  }

  /**
   * The same from the store. That somebody is no member is not kept in memory: there are more groups that he is not in than
   * memory for them.
   */
  async loadRole(user: UserState, group: string): Promise<number> {
    user.roles ??= new Map();
    const value = await this.#volume.store.property(user.shard, user.name, PROPERTY.membership, group);
    // A change that was applied meanwhile is newer than what the store had.
    const known = user.roles.get(group);
    if (known !== undefined) return known;
    const role = value?.[0] ?? ROLE.none;
    if (role !== ROLE.none) user.roles.set(group, role);
    return role;
  }

  /** Whether a group of this volume (by its owner name) can be appended to at once. */
  isLoaded(owner: string): boolean {
    return this.#objects.has(groupOfOwner(owner));
  }

  async load(owner: string): Promise<void> {
    await this.object(groupOfOwner(owner));
  }

  /** The object of a group of this volume. */
  async object(group: string): Promise<GroupObject | undefined> {
    if (this.#objects.has(group)) return this.#objects.get(group);
    const { store } = this.#volume;
    const value = await store.property(logicalShard(group), groupOwner(group), PROPERTY.group, '');
    if (!this.#objects.has(group)) this.#objects.set(group, value && decodeGroupObject(value));
    return this.#objects.get(group);
  }

  setObject(group: string, object: GroupObject): void {
    this.#objects.set(group, object);
  }

  /** A message to a group of this volume gets its place there, and goes to all volumes with members. */
  append(batch: Batch, group: UserState, value: Buffer): void {
    const volume = this.#volume;
    const groupSeq = ++group.head;
    const stored = appendGroupCopy(volume.sending.slab(), value, groupSeq);
    batch.store.putEntry(group.shard, group.name, groupSeq, null, stored);
    const id = groupOfOwner(group.name);
    for (const destination of this.#objects.get(id)?.volumes.keys() ?? []) {
      this.fanout.gatherMessage(destination, id, stored);
    }
    volume.counters.groupMessages++;
    batch.effects.push({
      apply: () => {
        group.committed = groupSeq;
      },
    });
  }

  housekeeping(): void {
    this.fanout.housekeeping();
    this.requests.housekeeping();
    for (const group of this.#objects.keys()) {
      if (this.#objects.size <= OBJECTS_MOST) break;
      // One that is being changed is ahead of the store.
      if (!this.#actions.isBusy(group)) this.#objects.delete(group);
    }
  }
}
