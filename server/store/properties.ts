/**
 * What the property rows of a message store hold. A property is a small value that belongs to an owner (a user, a group,
 * or the volume itself), found by a kind and a name. Every kind stands in this table, so that two features never share one.
 *
 * | kind | what                                | shard            | owner                   | name   | value       |
 * |------|-------------------------------------|------------------|-------------------------|--------|-------------|
 * | 1    | a user's membership of a group      | the user's       | the user                | group  | role:u8     |
 * | 2    | a group's member                    | the group's      | `groupOwner(group)`     | user   | role:u8     |
 * | 3    | the group itself                    | the group's      | `groupOwner(group)`     | empty  | groups.ts   |
 * | 4    | a device that wants notifications   | the user's       | the user                | device | notifications/registrations.ts |
 * | 5    | a group's member in this volume     | `VOLUME_SHARD`   | `localMembersOwner(…)`  | user   | empty       |
 * | 6    | tokens of a user older than this are revoked | `VOLUME_SHARD` | `REVOCATIONS_OWNER` | user | seconds:u64 |
 * | 7    | a user with devices of kind 4       | `VOLUME_SHARD`   | `NOTIFIED_OWNER`        | user   | empty       |
 *
 * Ids of users and groups hold no control characters (PROTOCOL.md), so the first character of an owner says what it is.
 */

export const PROPERTY = {
  membership: 1,
  member: 2,
  group: 3,
  notificationDevice: 4,
  localMember: 5,
  revocation: 6,
  notifiedUser: 7,
} as const;

/** Stands for the volume as a whole, beyond the logical shards 0–999. */
export const VOLUME_SHARD = 0xffff;

const GROUP_PREFIX = '\u0001';
const LOCAL_MEMBERS_PREFIX = '\u0002';
export const REVOCATIONS_OWNER = '\u0003revocations';
export const NOTIFIED_OWNER = '\u0004notify';

/** Owner of a group's properties and of its history: a pseudo user on the group's logical shard. */
export function groupOwner(group: string): string {
  return GROUP_PREFIX + group;
}

/** Whether the owner of a timeline is a group's pseudo user. */
export function isGroupOwner(owner: string): boolean {
  return owner.startsWith(GROUP_PREFIX);
}

/** The members of a group that live in this volume. */
export function localMembersOwner(group: string): string {
  return LOCAL_MEMBERS_PREFIX + group;
}
