/**
 * Who of this volume's users is a member of which group, wherever the group lives: what a fan-out record's recipients are.
 * Kept by the changes that the group's volume tells, in its order; in the store as property rows, in memory for the groups in use.
 *
 * A list in memory may be ahead of the store while its change is being committed, so it must not be read anew then.
 */
import { localMembersOwner, PROPERTY, VOLUME_SHARD } from '../store/properties.ts';
import type { Batch, Volume } from './volume.ts';

/** Lists kept in memory; those used least recently give way. */
const GROUPS_MOST = 5_000;
const NOTHING = Buffer.alloc(0);

interface MemberList {
  /** In the order of their UTF-8 bytes, as in the store: a place in it is the same after a restart. */
  names: string[];
  uncommitted: number;
}

export class LocalMembers {
  #volume: Volume;
  /** In the order of their last use, the oldest first. */
  #lists = new Map<string, MemberList>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Undefined: not in memory. Treat it as read-only. */
  get(group: string): string[] | undefined {
    const list = this.#lists.get(group);
    if (list === undefined) return undefined;
    this.#lists.delete(group);
    this.#lists.set(group, list);
    return list.names;
  }

  async load(group: string): Promise<string[]> {
    const rows = await this.#volume.store.properties(VOLUME_SHARD, localMembersOwner(group), PROPERTY.localMember);
    const known = this.get(group);
    if (known !== undefined) return known;
    const names = rows.map(({ name }) => name);
    this.#lists.set(group, { names, uncommitted: 0 });
    return names;
  }

  /** The list must be in memory. */
  change(batch: Batch, group: string, user: string, isMember: boolean): void {
    const list = this.#lists.get(group)!;
    const at = placeOf(list.names, user);
    const there = list.names[at] === user;
    const owner = localMembersOwner(group);
    if (isMember) batch.store.putProperty(VOLUME_SHARD, owner, PROPERTY.localMember, user, NOTHING);
    else batch.store.deleteProperty(VOLUME_SHARD, owner, PROPERTY.localMember, user);
    if (isMember && !there) list.names.splice(at, 0, user);
    else if (!isMember && there) list.names.splice(at, 1);
    list.uncommitted++;
    batch.effects.push({ apply: () => void list.uncommitted-- });
  }

  housekeeping(): void {
    for (const [group, { uncommitted }] of this.#lists) {
      if (this.#lists.size <= GROUPS_MOST) return;
      if (uncommitted === 0) this.#lists.delete(group);
    }
  }
}

/** Where the name stands, or would stand. */
function placeOf(names: string[], name: string): number {
  const bytes = Buffer.from(name);
  let low = 0;
  let high = names.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (Buffer.compare(Buffer.from(names[middle]!), bytes) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
