/**
 * How the ledgers name both ends of a stream, in 32 bits each.
 *
 * Senders number one stream per recipient: a user's index, or `GROUP_CODE` + a group's number; a group message has one number,
 * whatever the group's size. Receivers keep one stream per device, as `deviceKey` names it, and sender: a user's index, or for
 * group messages the key that `ReceiverLedger.groupKey` hands out for (sender, group).
 */

/** Codes of groups, and senders' keys for group messages, begin here; user indices and device keys are below. */
export const GROUP_CODE = 0x8000_0000;

export function groupCode(group: number): number {
  return GROUP_CODE + group;
}

/** A user's device among `users` users; device 0 is the first, whose key is the user's index. */
export function deviceKey(user: number, device: number, users: number): number {
  return user + device * users;
}
