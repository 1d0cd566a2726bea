/**
 * The binary codec: frames to bytes and back (PROTOCOL.md has the layout of each frame).
 *
 * Frames stand one after another in a WebSocket message, in both directions. Encoders append to a FrameWriter and throw a
 * FrameError, leaving the writer as it was, for exactly what the decoder of the other side would reject. Decoders hand
 * each frame to a sink and allocate nothing but its strings and body views. Nothing here keeps state, so a sink may
 * encode and decode.
 */
import { isUtf8 } from 'node:buffer';
import { LIMITS, type Welcome } from './messages.ts';

export const FRAME = {
  send: 0x01,
  ack: 0x02,
  status: 0x03,
  welcome: 0x81,
  sent: 0x82,
  message: 0x83,
  receipt: 0x84,
  error: 0x85,
  redirect: 0x86,
  reset: 0x87,
} as const;

/** What a client sends. A `body` is a view of the received bytes, valid during the call. */
export interface ClientFrames {
  send(id: number, to: string, body: Buffer): void;
  ack(seq: number): void;
  status(peers: string[]): void;
}

/** What a server sends. A `body` is a view of the received bytes, valid during the call. */
export interface ServerFrames {
  welcome(message: Welcome): void;
  sent(id: number, seq: number, time: number): void;
  message(direction: 'in' | 'out', seq: number, id: number, time: number, peer: string, body: Buffer): void;
  receipt(state: 'delivered' | 'stored', peer: string, upTo: number): void;
  error(code: number, id: number, retryAfterMs: number, text: string): void;
  redirect(url: string): void;
  reset(position: number): void;
}

/** A frame that breaks the protocol. `reason` says how in a few words, without the frame's content. */
export class FrameError extends Error {
  readonly reason: string;
  constructor(reason: string) {
    super(`malformed frame: ${reason}`);
    this.name = 'FrameError';
    this.reason = reason;
  }
}

/** A growing buffer that frames are appended to. */
export class FrameWriter {
  buffer: Buffer;
  length = 0;

  constructor(initialBytes = 4096) {
    this.buffer = Buffer.allocUnsafeSlow(Math.max(initialBytes, 64));
  }

  reset(): void {
    this.length = 0;
  }

  /** What was written: a view, valid until the next write or reset. */
  view(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  /** What was written: a copy. */
  take(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.length));
  }

  /** Make room for `bytes` more. */
  reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= this.buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buffer.length * 2));
    this.buffer.copy(grown, 0, 0, this.length);
    this.buffer = grown;
  }
}

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
        if ((flags & ~FLAG_OUT) !== 0) throw new FrameError('unknown message flags');
        const seq = readU64(data, at + 2, 1);
        const id = readU64(data, at + 10, 1);
        const time = readU64(data, at + 18, 0);
        const bodyLengthAt = at + 27 + data[at + 26]!;
        need(bodyLengthAt + 4, end);
        const peer = readName(data, at + 27, bodyLengthAt, LIMITS.userIdBytes);
        const bodyAt = bodyLengthAt + 4;
        at = bodyAt + readBodyLength(data, bodyLengthAt);
        need(at, end);
        into.message(flags === FLAG_OUT ? 'out' : 'in', seq, id, time, peer, data.subarray(bodyAt, at));
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
      default:
        throw new FrameError('unknown frame type from a server');
    }
  }
}

/** Whether a user id can stand in a frame: 1–64 bytes of UTF-8 without control characters. */
export function isUserId(text: string): boolean {
  return isName(text, LIMITS.userIdBytes);
}

/** Whether a device id can stand in a frame: 1–32 bytes of UTF-8 without control characters. */
export function isDeviceId(text: string): boolean {
  return isName(text, LIMITS.deviceIdBytes);
}

const FLAG_OUT = 1;
const STATE_DELIVERED = 1;
const STATE_STORED = 2;
/** Room for a name before its length is known; longer ones are rejected. */
const NAME_ROOM = 1 + LIMITS.userIdBytes;
const TWO_32 = 2 ** 32;
const scratch = Buffer.alloc(LIMITS.userIdBytes + 1);

function isName(text: string, maxBytes: number): boolean {
  try {
    writeName(scratch, 0, text, maxBytes);
    return true;
  } catch {
    return false;
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

function need(upTo: number, end: number): void {
  if (upTo > end) throw new FrameError('truncated');
}

function writeU16(b: Buffer, at: number, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new FrameError('a number does not fit 16 bits');
  b[at] = value >>> 8;
  b[at + 1] = value;
  return at + 2;
}

function writeU32(b: Buffer, at: number, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value >= TWO_32) throw new FrameError('a number does not fit 32 bits');
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
  return at + 4;
}

/** Two 32-bit halves: exact up to 2^53 - 1, without BigInt. */
function writeU64(b: Buffer, at: number, value: number, min: 0 | 1): number {
  if (!Number.isSafeInteger(value) || value < min) throw new FrameError('a number is outside its range');
  const high = (value / TWO_32) >>> 0;
  const low = value >>> 0;
  b[at] = high >>> 24;
  b[at + 1] = high >>> 16;
  b[at + 2] = high >>> 8;
  b[at + 3] = high;
  b[at + 4] = low >>> 24;
  b[at + 5] = low >>> 16;
  b[at + 6] = low >>> 8;
  b[at + 7] = low;
  return at + 8;
}

function readU16(b: Buffer, at: number): number {
  return (b[at]! << 8) | b[at + 1]!;
}

function readU32(b: Buffer, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
}

function readU64(b: Buffer, at: number, min: 0 | 1): number {
  const high = readU32(b, at);
  if (high > 0x1f_ffff) throw new FrameError('a number is outside its range');
  const value = high * TWO_32 + readU32(b, at + 4);
  if (value < min) throw new FrameError('a number is outside its range');
  return value;
}

/** A user or device id: u8 length and UTF-8. Almost all are short ASCII, which a plain loop copies fastest. */
function writeName(b: Buffer, at: number, text: string, maxBytes: number): number {
  const length = text.length;
  if (length === 0) throw new FrameError('an id is empty');
  if (length > maxBytes) throw new FrameError('an id is too long');
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x7f || code < 0x20) return writeNameUtf8(b, at, text, maxBytes);
    b[at + 1 + i] = code;
  }
  b[at] = length;
  return at + 1 + length;
}

function writeNameUtf8(b: Buffer, at: number, text: string, maxBytes: number): number {
  if (CONTROL.test(text)) throw new FrameError('an id has control characters');
  if (LONE_SURROGATE.test(text)) throw new FrameError('an id is not valid Unicode');
  const bytes = Buffer.byteLength(text);
  if (bytes > maxBytes) throw new FrameError('an id is too long');
  b[at] = bytes;
  b.write(text, at + 1, bytes, 'utf8');
  return at + 1 + bytes;
}

function readName(b: Buffer, from: number, to: number, maxBytes: number): string {
  if (to === from) throw new FrameError('an id is empty');
  if (to - from > maxBytes) throw new FrameError('an id is too long');
  for (let i = from; i < to; i++) {
    const byte = b[i]!;
    if (byte >= 0x7f || byte < 0x20) return readNameUtf8(b, from, to);
  }
  return b.toString('latin1', from, to);
}

function readNameUtf8(b: Buffer, from: number, to: number): string {
  const text = readText(b, from, to);
  if (CONTROL.test(text)) throw new FrameError('an id has control characters');
  return text;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

function writeText(b: Buffer, at: number, text: string): number {
  const bytes = b.write(text, at + 2, 'utf8');
  writeU16(b, at, bytes);
  return at + 2 + bytes;
}

function readText(b: Buffer, from: number, to: number): string {
  if (!isUtf8(b.subarray(from, to))) throw new FrameError('text is not valid UTF-8');
  return b.toString('utf8', from, to);
}

function writeBody(b: Buffer, at: number, body: Uint8Array): number {
  const length = body.length;
  if (length > LIMITS.bodyBytes) throw new FrameError('a body is too large');
  const from = writeU32(b, at, length);
  b.set(body, from);
  return from + length;
}

function readBodyLength(b: Buffer, at: number): number {
  const length = readU32(b, at);
  if (length > LIMITS.bodyBytes) throw new FrameError('a body is too large');
  return length;
}
