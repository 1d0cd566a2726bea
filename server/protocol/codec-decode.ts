/** Decoders: they hand each frame to a sink, and allocate nothing but its strings and body views. */
import {
  FLAG_GROUP,
  FLAG_OPEN,
  FLAG_OUT,
  FRAME,
  FrameError,
  need,
  readBodyLength,
  readName,
  readText,
  readU16,
  readU32,
  readU64,
  STATE_DELIVERED,
  STATE_STORED,
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

/** What a client sends. A `body` is a view of the received bytes, valid during the call. */
export interface ClientFrames {
  send(id: number, to: string, body: Buffer): void;
  ack(seq: number): void;
  status(peers: string[]): void;
  sendGroup(id: number, group: string, body: Buffer): void;
  group(id: number, action: GroupAction, group: string, open: boolean, users: string[]): void;
  presence(action: PresenceAction, users: string[]): void;
}

/** What a server sends. A `body` is a view of the received bytes, valid during the call. */
export interface ServerFrames {
  welcome(message: Welcome): void;
  sent(id: number, seq: number, time: number): void;
  /** `group` is empty, and `groupSeq` 0, in a message between two users. */
  message(
    direction: 'in' | 'out',
    seq: number,
    id: number,
    time: number,
    peer: string,
    body: Buffer,
    group: string,
    groupSeq: number,
  ): void;
  receipt(state: 'delivered' | 'stored', peer: string, upTo: number): void;
  error(code: number, id: number, retryAfterMs: number, text: string): void;
  redirect(url: string): void;
  reset(position: number): void;
  group(id: number, group: string, role: GroupRole, members: number, head: number): void;
  presence(users: PresenceStates['users']): void;
}

/** Decode all frames of one WebSocket message; throws FrameError at the first malformed one, after handing over the earlier ones. */
export function decodeClientFrames(data: Buffer, into: ClientFrames): void {
  const end = data.length;
  let at = 0;
  while (at < end) {
    const type = data[at]!;
    if (type === FRAME.send) {
      need(at + 10, end);
      const id = readU64(data, at + 1, 1);
      const bodyLengthAt = at + 10 + data[at + 9]!;
      need(bodyLengthAt + 4, end);
      const to = readName(data, at + 10, bodyLengthAt, LIMITS.userIdBytes);
      const bodyAt = bodyLengthAt + 4;
      at = bodyAt + readBodyLength(data, bodyLengthAt);
      need(at, end);
      into.send(id, to, data.subarray(bodyAt, at));
    } else if (type === FRAME.ack) {
      need(at + 9, end);
      const seq = readU64(data, at + 1, 0);
      at += 9;
      into.ack(seq);
    } else if (type === FRAME.status) {
      need(at + 3, end);
      const count = readU16(data, at + 1);
      if (count > LIMITS.statusPeers) throw new FrameError('too many peers in a status request');
      at += 3;
      const peers: string[] = [];
      for (let i = 0; i < count; i++) {
        need(at + 1, end);
        const nameEnd = at + 1 + data[at]!;
        need(nameEnd, end);
        peers.push(readName(data, at + 1, nameEnd, LIMITS.userIdBytes));
        at = nameEnd;
      }
      into.status(peers);
    } else if (type === FRAME.sendGroup) {
      need(at + 10, end);
      const id = readU64(data, at + 1, 1);
      const bodyLengthAt = at + 10 + data[at + 9]!;
      need(bodyLengthAt + 4, end);
      const group = readName(data, at + 10, bodyLengthAt, LIMITS.groupIdBytes);
      const bodyAt = bodyLengthAt + 4;
      at = bodyAt + readBodyLength(data, bodyLengthAt);
      need(at, end);
      into.sendGroup(id, group, data.subarray(bodyAt, at));
    } else if (type === FRAME.group) {
      at = decodeGroup(data, at, end, into);
    } else if (type === FRAME.presence) {
      need(at + 4, end);
      const action = PRESENCE_ACTIONS[data[at + 1]! - 1];
      if (action === undefined) throw new FrameError('unknown presence action');
      const users: string[] = [];
      at = readNames(data, at + 2, end, users);
      into.presence(action, users);
    } else {
      throw new FrameError('unknown frame type from a client');
    }
  }
}

/** Decode all frames of one WebSocket message; throws FrameError at the first malformed one, after handing over the earlier ones. */
export function decodeServerFrames(data: Buffer, into: ServerFrames): void {
  const end = data.length;
  let at = 0;
  while (at < end) {
    switch (data[at]!) {
      case FRAME.message: {
        need(at + 27, end);
        const flags = data[at + 1]!;
        if ((flags & ~(FLAG_OUT | FLAG_GROUP)) !== 0) throw new FrameError('unknown message flags');
        const seq = readU64(data, at + 2, 1);
        const id = readU64(data, at + 10, 1);
        const time = readU64(data, at + 18, 0);
        let bodyLengthAt = at + 27 + data[at + 26]!;
        need(bodyLengthAt + 4, end);
        const peer = readName(data, at + 27, bodyLengthAt, LIMITS.userIdBytes);
        let group = '';
        let groupSeq = 0;
        if ((flags & FLAG_GROUP) !== 0) {
          const groupAt = bodyLengthAt + 1;
          const groupEnd = groupAt + data[bodyLengthAt]!;
          bodyLengthAt = groupEnd + 8;
          need(bodyLengthAt + 4, end);
          group = readName(data, groupAt, groupEnd, LIMITS.groupIdBytes);
          groupSeq = readU64(data, groupEnd, 0);
        }
        const bodyAt = bodyLengthAt + 4;
        at = bodyAt + readBodyLength(data, bodyLengthAt);
        need(at, end);
        const direction = (flags & FLAG_OUT) !== 0 ? 'out' : 'in';
        into.message(direction, seq, id, time, peer, data.subarray(bodyAt, at), group, groupSeq);
        break;
      }
      case FRAME.sent: {
        need(at + 25, end);
        const id = readU64(data, at + 1, 1);
        const seq = readU64(data, at + 9, 1);
        const time = readU64(data, at + 17, 0);
        at += 25;
        into.sent(id, seq, time);
        break;
      }
      case FRAME.receipt: {
        need(at + 3, end);
        const state = data[at + 1]!;
        if (state !== STATE_DELIVERED && state !== STATE_STORED) throw new FrameError('unknown receipt state');
        const nameEnd = at + 3 + data[at + 2]!;
        need(nameEnd + 8, end);
        const peer = readName(data, at + 3, nameEnd, LIMITS.userIdBytes);
        const upTo = readU64(data, nameEnd, 0);
        at = nameEnd + 8;
        into.receipt(state === STATE_DELIVERED ? 'delivered' : 'stored', peer, upTo);
        break;
      }
      case FRAME.error: {
        need(at + 17, end);
        const code = readU16(data, at + 1);
        const id = readU64(data, at + 3, 0);
        const retryAfterMs = readU32(data, at + 11);
        const textAt = at + 17;
        at = textAt + readU16(data, at + 15);
        need(at, end);
        into.error(code, id, retryAfterMs, readText(data, textAt, at));
        break;
      }
      case FRAME.welcome:
        at = decodeWelcome(data, at, end, into);
        break;
      case FRAME.redirect: {
        need(at + 3, end);
        const textAt = at + 3;
        at = textAt + readU16(data, at + 1);
        need(at, end);
        into.redirect(readText(data, textAt, at));
        break;
      }
      case FRAME.reset: {
        need(at + 9, end);
        const position = readU64(data, at + 1, 0);
        at += 9;
        into.reset(position);
        break;
      }
      case FRAME.groupState:
        at = decodeGroupState(data, at, end, into);
        break;
      case FRAME.presenceState:
        at = decodePresenceState(data, at, end, into);
        break;
      default:
        throw new FrameError('unknown frame type from a server');
    }
  }
}

function decodeWelcome(data: Buffer, start: number, end: number, into: ServerFrames): number {
  need(start + 2, end);
  const userEnd = start + 2 + data[start + 1]!;
  need(userEnd + 1, end);
  const user = readName(data, start + 2, userEnd, LIMITS.userIdBytes);
  const deviceEnd = userEnd + 1 + data[userEnd]!;
  need(deviceEnd + 30, end);
  into.welcome({
    type: 'welcome',
    user,
    device: readName(data, userEnd + 1, deviceEnd, LIMITS.deviceIdBytes),
    head: readU64(data, deviceEnd, 0),
    after: readU64(data, deviceEnd + 8, 0),
    time: readU64(data, deviceEnd + 16, 0),
    idleTimeoutSeconds: readU16(data, deviceEnd + 24),
    maxBodyBytes: readU32(data, deviceEnd + 26),
  });
  return deviceEnd + 30;
}

function decodeGroup(data: Buffer, start: number, end: number, into: ClientFrames): number {
  need(start + 11, end);
  const id = readU64(data, start + 1, 0);
  const action = GROUP_ACTIONS[data[start + 9]! - 1];
  if (action === undefined) throw new FrameError('unknown group action');
  const flagsAt = start + 11 + data[start + 10]!;
  need(flagsAt + 3, end);
  const group = readName(data, start + 11, flagsAt, LIMITS.groupIdBytes);
  const flags = data[flagsAt]!;
  if ((flags & ~FLAG_OPEN) !== 0) throw new FrameError('unknown group flags');
  const users: string[] = [];
  const at = readNames(data, flagsAt + 1, end, users);
  into.group(id, action, group, flags === FLAG_OPEN, users);
  return at;
}

function decodeGroupState(data: Buffer, start: number, end: number, into: ServerFrames): number {
  need(start + 10, end);
  const id = readU64(data, start + 1, 0);
  const roleAt = start + 10 + data[start + 9]!;
  need(roleAt + 13, end);
  const group = readName(data, start + 10, roleAt, LIMITS.groupIdBytes);
  const role = GROUP_ROLES[data[roleAt]!];
  if (role === undefined) throw new FrameError('unknown group role');
  into.group(id, group, role, readU32(data, roleAt + 1), readU64(data, roleAt + 5, 0));
  return roleAt + 13;
}

function decodePresenceState(data: Buffer, start: number, end: number, into: ServerFrames): number {
  need(start + 3, end);
  const count = readU16(data, start + 1);
  if (count > LIMITS.namedUsers) throw new FrameError('too many users named');
  const users: PresenceStates['users'] = [];
  let at = start + 3;
  for (let i = 0; i < count; i++) {
    need(at + 1, end);
    const nameEnd = at + 1 + data[at]!;
    need(nameEnd + 1, end);
    const state = PRESENCE_STATES[data[nameEnd]!];
    if (state === undefined) throw new FrameError('unknown presence state');
    users.push({ user: readName(data, at + 1, nameEnd, LIMITS.userIdBytes), state });
    at = nameEnd + 1;
  }
  into.presence(users);
  return at;
}

function readNames(data: Buffer, start: number, end: number, into: string[]): number {
  need(start + 2, end);
  const count = readU16(data, start);
  if (count > LIMITS.namedUsers) throw new FrameError('too many users named');
  let at = start + 2;
  for (let i = 0; i < count; i++) {
    need(at + 1, end);
    const nameEnd = at + 1 + data[at]!;
    need(nameEnd, end);
    into.push(readName(data, at + 1, nameEnd, LIMITS.userIdBytes));
    at = nameEnd;
  }
  return at;
}
