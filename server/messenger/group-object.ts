/**
 * The group object: what a group's shard must know to act on it, without its members' names (they have rows of their own).
 * Stored as JSON in one property row; it changes only when the membership does.
 */
import type { GroupRole } from '../protocol/messages.ts';

export const ROLE = { none: 0, member: 1, owner: 2 } as const satisfies Record<GroupRole, number>;
export const ROLE_NAMES: readonly GroupRole[] = ['none', 'member', 'owner'];

export interface GroupObject {
  /** Anybody may join; else an owner must add him. */
  open: boolean;
  /** Time of its creation, ms since the epoch. */
  created: number;
  members: number;
  owners: number;
  /** Members by volume: where the group's messages must go. */
  volumes: Map<number, number>;
}

export interface MemberChange {
  user: string;
  from: number;
  to: number;
}

export function newGroupObject(open: boolean, created: number): GroupObject {
  return { open, created, members: 0, owners: 0, volumes: new Map() };
}

/** The object after some changes; the old one stays as it is, for it may be needed if they are not committed. */
export function withChanges(
  object: GroupObject,
  changes: MemberChange[],
  volumeOf: (user: string) => number,
): GroupObject {
  const changed = { ...object, volumes: new Map(object.volumes) };
  for (const { user, from, to } of changes) {
    const joined = Number(to > ROLE.none) - Number(from > ROLE.none);
    changed.members += joined;
    changed.owners += Number(to === ROLE.owner) - Number(from === ROLE.owner);
    const volume = volumeOf(user);
    const there = (changed.volumes.get(volume) ?? 0) + joined;
    if (there > 0) changed.volumes.set(volume, there);
    else changed.volumes.delete(volume);
  }
  return changed;
}

export function encodeGroupObject(object: GroupObject): Buffer {
  return Buffer.from(JSON.stringify({ ...object, volumes: [...object.volumes] }));
}

export function decodeGroupObject(value: Buffer): GroupObject {
  const object = JSON.parse(value.toString()) as Omit<GroupObject, 'volumes'> & { volumes: Array<[number, number]> };
  return { ...object, volumes: new Map(object.volumes) };
}
