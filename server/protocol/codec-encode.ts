/** Encoders: they append to a FrameWriter, and throw a FrameError for what the other side's decoder would reject. */
import {
  FLAG_GROUP,
  FLAG_OPEN,
  FLAG_OUT,
  FRAME,
  FrameError,
  type FrameWriter,
  NAME_ROOM,
  STATE_DELIVERED,
  STATE_STORED,
  writeBody,
  writeName,
  writeText,
  writeU16,
  writeU32,
  writeU64,
} from './codec-primitives.ts';
import {
  GROUP_ACTIONS,
  GROUP_ROLES,
  type GroupAction,
  type GroupRole,
  LIMITS,
  PRESENCE_ACTIONS,
  PRESENCE_STATES,
  type PresenceAction,
  type PresenceStates,
  type Welcome,
} from './messages.ts';

export function encodeSend(w: FrameWriter, id: number, to: string, body: Uint8Array): void {
  w.reserve(1 + 8 + NAME_ROOM + 4 + body.length);
  const start = w.length;
  const b = w.buffer;
  b[start] = FRAME.send;
  let at = writeU64(b, start + 1, id, 1);
  at = writeName(b, at, to, LIMITS.userIdBytes);
  w.length = writeBody(b, at, body);
}

export function encodeAck(w: FrameWriter, seq: number): void {
  w.reserve(9);
  w.buffer[w.length] = FRAME.ack;
  w.length = writeU64(w.buffer, w.length + 1, seq, 0);
}

export function encodeStatus(w: FrameWriter, peers: string[]): void {
  if (peers.length > LIMITS.statusPeers) throw new FrameError('too many peers in a status request');
  w.reserve(3 + peers.length * NAME_ROOM);
  const b = w.buffer;
  b[w.length] = FRAME.status;
  let at = writeU16(b, w.length + 1, peers.length);
  for (const peer of peers) at = writeName(b, at, peer, LIMITS.userIdBytes);
  w.length = at;
}

export function encodeWelcome(w: FrameWriter, message: Welcome): void {
  w.reserve(1 + 2 * NAME_ROOM + 3 * 8 + 2 + 4);
  const b = w.buffer;
  b[w.length] = FRAME.welcome;
  let at = writeName(b, w.length + 1, message.user, LIMITS.userIdBytes);
  at = writeName(b, at, message.device, LIMITS.deviceIdBytes);
  at = writeU64(b, at, message.head, 0);
  at = writeU64(b, at, message.after, 0);
  at = writeU64(b, at, message.time, 0);
  at = writeU16(b, at, message.idleTimeoutSeconds);
  w.length = writeU32(b, at, message.maxBodyBytes);
}

export function encodeSent(w: FrameWriter, id: number, seq: number, time: number): void {
  w.reserve(25);
  const b = w.buffer;
  b[w.length] = FRAME.sent;
  let at = writeU64(b, w.length + 1, id, 1);
  at = writeU64(b, at, seq, 1);
  w.length = writeU64(b, at, time, 0);
}

export function encodeMessage(
  w: FrameWriter,
  direction: 'in' | 'out',
  seq: number,
  id: number,
  time: number,
  peer: string,
  body: Uint8Array,
): void {
  w.reserve(2 + 3 * 8 + NAME_ROOM + 4 + body.length);
  const b = w.buffer;
  b[w.length] = FRAME.message;
  b[w.length + 1] = direction === 'out' ? FLAG_OUT : 0;
  let at = writeU64(b, w.length + 2, seq, 1);
  at = writeU64(b, at, id, 1);
  at = writeU64(b, at, time, 0);
  at = writeName(b, at, peer, LIMITS.userIdBytes);
  w.length = writeBody(b, at, body);
}

export function encodeReceipt(w: FrameWriter, state: 'delivered' | 'stored', peer: string, upTo: number): void {
  w.reserve(2 + NAME_ROOM + 8);
  const b = w.buffer;
  b[w.length] = FRAME.receipt;
  b[w.length + 1] = state === 'delivered' ? STATE_DELIVERED : STATE_STORED;
  const at = writeName(b, w.length + 2, peer, LIMITS.userIdBytes);
  w.length = writeU64(b, at, upTo, 0);
}

export function encodeError(w: FrameWriter, code: number, id: number, retryAfterMs: number, text: string): void {
  w.reserve(1 + 2 + 8 + 4 + 2 + text.length * 3);
  const b = w.buffer;
  b[w.length] = FRAME.error;
  let at = writeU16(b, w.length + 1, code);
  at = writeU64(b, at, id, 0);
  at = writeU32(b, at, retryAfterMs);
  w.length = writeText(b, at, text);
}

export function encodeRedirect(w: FrameWriter, url: string): void {
  w.reserve(1 + 2 + url.length * 3);
  w.buffer[w.length] = FRAME.redirect;
  w.length = writeText(w.buffer, w.length + 1, url);
}

export function encodeReset(w: FrameWriter, position: number): void {
  w.reserve(9);
  w.buffer[w.length] = FRAME.reset;
  w.length = writeU64(w.buffer, w.length + 1, position, 0);
}

export function encodeSendGroup(w: FrameWriter, id: number, group: string, body: Uint8Array): void {
  w.reserve(1 + 8 + NAME_ROOM + 4 + body.length);
  const b = w.buffer;
  b[w.length] = FRAME.sendGroup;
  let at = writeU64(b, w.length + 1, id, 1);
  at = writeName(b, at, group, LIMITS.groupIdBytes);
  w.length = writeBody(b, at, body);
}

export function encodeGroup(
  w: FrameWriter,
  id: number,
  action: GroupAction,
  group: string,
  open: boolean,
  users: string[],
): void {
  w.reserve(1 + 8 + 1 + NAME_ROOM + 1 + 2 + users.length * NAME_ROOM);
  const b = w.buffer;
  b[w.length] = FRAME.group;
  let at = writeU64(b, w.length + 1, id, 0);
  b[at] = GROUP_ACTIONS.indexOf(action) + 1;
  at = writeName(b, at + 1, group, LIMITS.groupIdBytes);
  b[at] = open ? FLAG_OPEN : 0;
  w.length = writeNames(b, at + 1, users);
}

export function encodePresence(w: FrameWriter, action: PresenceAction, users: string[]): void {
  w.reserve(1 + 1 + 2 + users.length * NAME_ROOM);
  const b = w.buffer;
  b[w.length] = FRAME.presence;
  b[w.length + 1] = PRESENCE_ACTIONS.indexOf(action) + 1;
  w.length = writeNames(b, w.length + 2, users);
}

/** A message between members of a group: its frame carries the group and its place there. */
export function encodeGroupMessage(
  w: FrameWriter,
  direction: 'in' | 'out',
  seq: number,
  id: number,
  time: number,
  author: string,
  group: string,
  groupSeq: number,
  body: Uint8Array,
): void {
  w.reserve(2 + 4 * 8 + 2 * NAME_ROOM + 4 + body.length);
  const b = w.buffer;
  b[w.length] = FRAME.message;
  b[w.length + 1] = direction === 'out' ? FLAG_GROUP | FLAG_OUT : FLAG_GROUP;
  let at = writeU64(b, w.length + 2, seq, 1);
  at = writeU64(b, at, id, 1);
  at = writeU64(b, at, time, 0);
  at = writeName(b, at, author, LIMITS.userIdBytes);
  at = writeName(b, at, group, LIMITS.groupIdBytes);
  at = writeU64(b, at, groupSeq, 0);
  w.length = writeBody(b, at, body);
}

export function encodeGroupState(
  w: FrameWriter,
  id: number,
  group: string,
  role: GroupRole,
  members: number,
  head: number,
): void {
  w.reserve(1 + 8 + NAME_ROOM + 1 + 4 + 8);
  const b = w.buffer;
  b[w.length] = FRAME.groupState;
  let at = writeU64(b, w.length + 1, id, 0);
  at = writeName(b, at, group, LIMITS.groupIdBytes);
  b[at] = GROUP_ROLES.indexOf(role);
  at = writeU32(b, at + 1, members);
  w.length = writeU64(b, at, head, 0);
}

export function encodePresenceState(w: FrameWriter, users: PresenceStates['users']): void {
  if (users.length > LIMITS.namedUsers) throw new FrameError('too many users named');
  w.reserve(1 + 2 + users.length * (NAME_ROOM + 1));
  const b = w.buffer;
  b[w.length] = FRAME.presenceState;
  let at = writeU16(b, w.length + 1, users.length);
  for (const { user, state } of users) {
    at = writeName(b, at, user, LIMITS.userIdBytes);
    b[at++] = PRESENCE_STATES.indexOf(state);
  }
  w.length = at;
}

function writeNames(b: Buffer, start: number, users: string[]): number {
  if (users.length > LIMITS.namedUsers) throw new FrameError('too many users named');
  let at = writeU16(b, start, users.length);
  for (const user of users) at = writeName(b, at, user, LIMITS.userIdBytes);
  return at;
}
