/** What frames are made of: bytes, numbers, names and texts, with the checks that both directions share. */
import { isUtf8 } from 'node:buffer';
import { LIMITS } from './messages.ts';

export const FRAME = {
  send: 0x01,
  ack: 0x02,
  status: 0x03,
  sendGroup: 0x04,
  group: 0x05,
  presence: 0x06,
  welcome: 0x81,
  sent: 0x82,
  message: 0x83,
  receipt: 0x84,
  error: 0x85,
  redirect: 0x86,
  reset: 0x87,
  groupState: 0x88,
  presenceState: 0x89,
} as const;

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

/** Whether a user id can stand in a frame: 1–64 bytes of UTF-8 without control characters. */
export function isUserId(text: string): boolean {
  return isName(text, LIMITS.userIdBytes);
}

/** Whether a device id can stand in a frame: 1–32 bytes of UTF-8 without control characters. */
export function isDeviceId(text: string): boolean {
  return isName(text, LIMITS.deviceIdBytes);
}

/** Whether a group id can stand in a frame: the same as a user id. */
export function isGroupId(text: string): boolean {
  return isName(text, LIMITS.groupIdBytes);
}

export const FLAG_OUT = 1;
export const FLAG_GROUP = 2;
export const FLAG_OPEN = 1;
export const STATE_DELIVERED = 1;
export const STATE_STORED = 2;
/** Room for a name before its length is known; longer ones are rejected. */
export const NAME_ROOM = 1 + LIMITS.userIdBytes;
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

export function need(upTo: number, end: number): void {
  if (upTo > end) throw new FrameError('truncated');
}

export function writeU16(b: Buffer, at: number, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff) throw new FrameError('a number does not fit 16 bits');
  b[at] = value >>> 8;
  b[at + 1] = value;
  return at + 2;
}

export function writeU32(b: Buffer, at: number, value: number): number {
  if (!Number.isInteger(value) || value < 0 || value >= TWO_32) throw new FrameError('a number does not fit 32 bits');
  b[at] = value >>> 24;
  b[at + 1] = value >>> 16;
  b[at + 2] = value >>> 8;
  b[at + 3] = value;
  return at + 4;
}

/** Two 32-bit halves: exact up to 2^53 - 1, without BigInt. */
export function writeU64(b: Buffer, at: number, value: number, min: 0 | 1): number {
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

export function readU16(b: Buffer, at: number): number {
  return (b[at]! << 8) | b[at + 1]!;
}

export function readU32(b: Buffer, at: number): number {
  return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
}

export function readU64(b: Buffer, at: number, min: 0 | 1): number {
  const high = readU32(b, at);
  if (high > 0x1f_ffff) throw new FrameError('a number is outside its range');
  const value = high * TWO_32 + readU32(b, at + 4);
  if (value < min) throw new FrameError('a number is outside its range');
  return value;
}

/** A user or device id: u8 length and UTF-8. Almost all are short ASCII, which a plain loop copies fastest. */
export function writeName(b: Buffer, at: number, text: string, maxBytes: number): number {
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

export function readName(b: Buffer, from: number, to: number, maxBytes: number): string {
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

export function writeText(b: Buffer, at: number, text: string): number {
  const bytes = b.write(text, at + 2, 'utf8');
  writeU16(b, at, bytes);
  return at + 2 + bytes;
}

export function readText(b: Buffer, from: number, to: number): string {
  if (!isUtf8(b.subarray(from, to))) throw new FrameError('text is not valid UTF-8');
  return b.toString('utf8', from, to);
}

export function writeBody(b: Buffer, at: number, body: Uint8Array): number {
  const length = body.length;
  if (length > LIMITS.bodyBytes) throw new FrameError('a body is too large');
  const from = writeU32(b, at, length);
  b.set(body, from);
  return from + length;
}

export function readBodyLength(b: Buffer, at: number): number {
  const length = readU32(b, at);
  if (length > LIMITS.bodyBytes) throw new FrameError('a body is too large');
  return length;
}
