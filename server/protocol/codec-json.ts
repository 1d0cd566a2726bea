/**
 * The JSON twin of the binary codec, for people, scripts and k6: one JSON object per WebSocket text message, with the
 * field names of messages.ts. A body stands in `body` when it is valid UTF-8, else in `bodyBase64`.
 *
 * Servers encode binary frames only and transcode at the edge. Fields that are not known are ignored, on both sides.
 */
import { isUtf8 } from 'node:buffer';
import { type ClientFrames, decodeServerFrames, FrameError, isDeviceId, isUserId, type ServerFrames } from './codec.ts';
import { type ClientMessage, LIMITS } from './messages.ts';

/** Decode one text message of a client; throws FrameError when it is malformed. */
export function decodeClientJson(text: string, into: ClientFrames): void {
  const o = parseObject(text);
  if (o.type === 'send') into.send(integer(o, 'id', 1), userId(o, 'to'), body(o));
  else if (o.type === 'ack') into.ack(integer(o, 'seq', 0));
  else if (o.type === 'status') into.status(peers(o));
  else throw new FrameError('unknown message type from a client');
}

/** Transcode the binary frames of a server to one JSON text each. Throws FrameError when they are malformed. */
export function jsonFromServerFrames(data: Buffer): string[] {
  const texts: string[] = [];
  const add = (message: object) => {
    texts.push(JSON.stringify(message));
  };
  decodeServerFrames(data, {
    welcome: add,
    sent: (id, seq, time) => add({ type: 'sent', id, seq, time }),
    message: (direction, seq, id, time, peer, bytes) =>
      add({ type: 'message', direction, seq, id, time, peer, ...bodyFields(bytes) }),
    receipt: (state, peer, upTo) => add({ type: 'receipt', state, peer, upTo }),
    error: (code, id, retryAfterMs, message) => add({ type: 'error', code, id, retryAfterMs, text: message }),
    redirect: (url) => add({ type: 'redirect', url }),
    reset: (position) => add({ type: 'reset', position }),
  });
  return texts;
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
      const direction = oneOf(o, 'direction', 'in', 'out');
      const seq = integer(o, 'seq', 1);
      into.message(direction, seq, integer(o, 'id', 1), integer(o, 'time', 0), userId(o, 'peer'), body(o));
      return;
    }
    case 'receipt':
      into.receipt(oneOf(o, 'state', 'delivered', 'stored'), userId(o, 'peer'), integer(o, 'upTo', 0));
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
    default:
      throw new FrameError('unknown message type from a server');
  }
}

/** The JSON text of a client message. */
export function encodeClientJson(message: ClientMessage): string {
  if (message.type !== 'send') return JSON.stringify(message);
  return JSON.stringify({ type: 'send', id: message.id, to: message.to, ...bodyFields(message.body) });
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

function oneOf<A extends string, B extends string>(o: Fields, field: string, a: A, b: B): A | B {
  const value = o[field];
  if (value === a) return a;
  if (value === b) return b;
  throw new FrameError(`"${field}" is neither "${a}" nor "${b}"`);
}

function peers(o: Fields): string[] {
  const list = o.peers;
  if (!Array.isArray(list)) throw new FrameError('"peers" is not an array');
  if (list.length > LIMITS.statusPeers) throw new FrameError('too many peers in a status request');
  for (const peer of list)
    if (typeof peer !== 'string' || !isUserId(peer))
      throw new FrameError('"peers" has something that is not a user id');
  return list as string[];
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
