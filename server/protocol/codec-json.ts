/**
 * The JSON twin of the binary codec, for people, scripts and k6: one JSON object per WebSocket text message, with the
 * field names of messages.ts. A body stands in `body` when it is valid UTF-8, else in `bodyBase64`.
 *
 * Servers encode binary frames only and transcode at the edge. Fields that are not known are ignored, on both sides.
 */
import { isUtf8 } from 'node:buffer';
import {
  type ClientFrames,
  decodeServerFrames,
  FrameError,
  isDeviceId,
  isGroupId,
  isUserId,
  type ServerFrames,
} from './codec.ts';
import {
  type ClientMessage,
  GROUP_ACTIONS,
  GROUP_ROLES,
  LIMITS,
  PRESENCE_ACTIONS,
  PRESENCE_STATES,
  type PresenceStates,
  type ServerMessage,
} from './messages.ts';

/** Decode one text message of a client; throws FrameError when it is malformed. */
export function decodeClientJson(text: string, into: ClientFrames): void {
  decodeClientObject(parseObject(text), into);
}

/** The same of a message that is parsed already, as it comes in the body of an HTTP request. */
export function decodeClientObject(o: Record<string, unknown>, into: ClientFrames): void {
  if (o.type === 'send') decodeSend(o, into);
  else if (o.type === 'ack') into.ack(integer(o, 'seq', 0));
  else if (o.type === 'status')
    into.status(userList(o, 'peers', LIMITS.statusPeers, 'too many peers in a status request'));
  else if (o.type === 'group') decodeGroup(o, into);
  else if (o.type === 'presence') into.presence(oneOf(o, 'action', PRESENCE_ACTIONS), namedUsers(o));
  else throw new FrameError('unknown message type from a client');
}

/** Transcode the binary frames of a server to one JSON text each. Throws FrameError when they are malformed. */
export function jsonFromServerFrames(data: Buffer): string[] {
  const texts: string[] = [];
  forEachTwin(data, (message) => {
    texts.push(JSON.stringify(message));
  });
  return texts;
}

/** The JSON object of one frame of a server. */
export type ServerTwin = { type: ServerMessage['type'] } & Record<string, unknown>;

/** Calls `add` with the JSON object of each frame. Throws FrameError when they are malformed. */
export function forEachTwin(data: Buffer, add: (message: ServerTwin) => void): void {
  decodeServerFrames(data, {
    welcome: (welcome) => add({ ...welcome }),
    sent: (id, seq, time) => add({ type: 'sent', id, seq, time }),
    message: (direction, seq, id, time, peer, bytes, group, groupSeq) =>
      add({
        type: 'message',
        direction,
        seq,
        id,
        time,
        peer,
        ...(group === '' ? null : { group, groupSeq }),
        ...bodyFields(bytes),
      }),
    receipt: (state, peer, upTo) => add({ type: 'receipt', state, peer, upTo }),
    error: (code, id, retryAfterMs, message) => add({ type: 'error', code, id, retryAfterMs, text: message }),
    redirect: (url) => add({ type: 'redirect', url }),
    reset: (position) => add({ type: 'reset', position }),
    group: (id, group, role, members, head) => add({ type: 'group', id, group, role, members, head }),
    presence: (users) => add({ type: 'presence', users }),
  });
}

/** Decode one text message of a server; throws FrameError when it is malformed. */
export function serverFramesFromJson(text: string, into: ServerFrames): void {
  const o = parseObject(text);
  switch (o.type) {
    case 'welcome':
      into.welcome({
        type: 'welcome',
        user: userId(o, 'user'),
        device: deviceId(o, 'device'),
        head: integer(o, 'head', 0),
        after: integer(o, 'after', 0),
        time: integer(o, 'time', 0),
        idleTimeoutSeconds: integer(o, 'idleTimeoutSeconds', 0, 0xffff),
        maxBodyBytes: integer(o, 'maxBodyBytes', 0, 0xffff_ffff),
      });
      return;
    case 'sent':
      into.sent(integer(o, 'id', 1), integer(o, 'seq', 1), integer(o, 'time', 0));
      return;
    case 'message': {
      const direction = oneOf(o, 'direction', ['in', 'out'] as const);
      const seq = integer(o, 'seq', 1);
      const group = o.group === undefined ? '' : groupId(o, 'group');
      const groupSeq = group === '' ? 0 : integer(o, 'groupSeq', 0);
      const [id, time, peer] = [integer(o, 'id', 1), integer(o, 'time', 0), userId(o, 'peer')];
      into.message(direction, seq, id, time, peer, body(o), group, groupSeq);
      return;
    }
    case 'receipt':
      into.receipt(oneOf(o, 'state', ['delivered', 'stored'] as const), userId(o, 'peer'), integer(o, 'upTo', 0));
      return;
    case 'error': {
      const code = integer(o, 'code', 0, 0xffff);
      into.error(code, integer(o, 'id', 0), integer(o, 'retryAfterMs', 0, 0xffff_ffff), string(o, 'text'));
      return;
    }
    case 'redirect':
      into.redirect(string(o, 'url'));
      return;
    case 'reset':
      into.reset(integer(o, 'position', 0));
      return;
    case 'group': {
      const role = oneOf(o, 'role', GROUP_ROLES);
      into.group(
        integer(o, 'id', 0),
        groupId(o, 'group'),
        role,
        integer(o, 'members', 0, 0xffff_ffff),
        integer(o, 'head', 0),
      );
      return;
    }
    case 'presence':
      into.presence(presenceStates(o));
      return;
    default:
      throw new FrameError('unknown message type from a server');
  }
}

/** The JSON text of a client message. */
export function encodeClientJson(message: ClientMessage): string {
  if (message.type !== 'send') return JSON.stringify(message);
  const { body: bytes, ...fields } = message;
  return JSON.stringify({ ...fields, ...bodyFields(bytes) });
}

type Fields = Record<string, unknown>;

function parseObject(text: string): Fields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new FrameError('not valid JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new FrameError('not a JSON object');
  return value as Fields;
}

function integer(o: Fields, field: string, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const value = o[field];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max)
    throw new FrameError(`"${field}" is not a whole number from ${min} to ${max}`);
  // JSON has a negative zero; frames have none.
  return value + 0;
}

function string(o: Fields, field: string): string {
  const value = o[field];
  if (typeof value !== 'string') throw new FrameError(`"${field}" is not a string`);
  if (Buffer.byteLength(value) > 0xffff) throw new FrameError(`"${field}" is too long`);
  return value;
}

function userId(o: Fields, field: string): string {
  const value = string(o, field);
  if (!isUserId(value)) throw new FrameError(`"${field}" is not a user id`);
  return value;
}

function deviceId(o: Fields, field: string): string {
  const value = string(o, field);
  if (!isDeviceId(value)) throw new FrameError(`"${field}" is not a device id`);
  return value;
}

function groupId(o: Fields, field: string): string {
  const value = string(o, field);
  if (!isGroupId(value)) throw new FrameError(`"${field}" is not a group id`);
  return value;
}

function oneOf<T extends string>(o: Fields, field: string, allowed: readonly T[]): T {
  const value = o[field];
  if (allowed.includes(value as T)) return value as T;
  throw new FrameError(`"${field}" is none of ${allowed.map((name) => `"${name}"`).join(', ')}`);
}

function decodeSend(o: Fields, into: ClientFrames): void {
  const id = integer(o, 'id', 1);
  if (o.group === undefined) into.send(id, userId(o, 'to'), body(o));
  else if (o.to !== undefined) throw new FrameError('not exactly one of "to" and "group"');
  else into.sendGroup(id, groupId(o, 'group'), body(o));
}

function decodeGroup(o: Fields, into: ClientFrames): void {
  const open = o.open ?? false;
  if (typeof open !== 'boolean') throw new FrameError('"open" is neither true nor false');
  into.group(integer(o, 'id', 0), oneOf(o, 'action', GROUP_ACTIONS), groupId(o, 'group'), open, namedUsers(o));
}

function namedUsers(o: Fields): string[] {
  return o.users === undefined ? [] : userList(o, 'users', LIMITS.namedUsers, 'too many users named');
}

function userList(o: Fields, field: string, most: number, tooMany: string): string[] {
  const list = o[field];
  if (!Array.isArray(list)) throw new FrameError(`"${field}" is not an array`);
  if (list.length > most) throw new FrameError(tooMany);
  for (const user of list)
    if (typeof user !== 'string' || !isUserId(user))
      throw new FrameError(`"${field}" has something that is not a user id`);
  return list as string[];
}

function presenceStates(o: Fields): PresenceStates['users'] {
  const list = o.users;
  if (!Array.isArray(list)) throw new FrameError('"users" is not an array');
  if (list.length > LIMITS.namedUsers) throw new FrameError('too many users named');
  return list.map((item) => {
    if (typeof item !== 'object' || item === null) throw new FrameError('"users" has something that is not an object');
    return { user: userId(item as Fields, 'user'), state: oneOf(item as Fields, 'state', PRESENCE_STATES) };
  });
}

function bodyFields(bytes: Uint8Array): { body: string } | { bodyBase64: string } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return isUtf8(buffer) ? { body: buffer.toString('utf8') } : { bodyBase64: buffer.toString('base64') };
}

function body(o: Fields): Buffer {
  const { body: text, bodyBase64: base64 } = o;
  if ((text === undefined) === (base64 === undefined))
    throw new FrameError('not exactly one of "body" and "bodyBase64"');
  let bytes: Buffer;
  if (text !== undefined) {
    if (typeof text !== 'string' || LONE_SURROGATE.test(text)) throw new FrameError('"body" is not a Unicode string');
    bytes = Buffer.from(text, 'utf8');
  } else {
    if (typeof base64 !== 'string') throw new FrameError('"bodyBase64" is not a string');
    if (base64.length > BASE64_MAX) throw new FrameError('a body is too large');
    if (!BASE64.test(base64)) throw new FrameError('"bodyBase64" is not base64');
    bytes = Buffer.from(base64, 'base64');
  }
  if (bytes.length > LIMITS.bodyBytes) throw new FrameError('a body is too large');
  return bytes;
}

const LONE_SURROGATE = /\p{Surrogate}/u;
const BASE64_MAX = 4 * Math.ceil(LIMITS.bodyBytes / 3);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
