/**
 * How a timeline entry is stored: the MESSAGE frame exactly as devices get it, so that a push or a resume copies bytes and
 * encodes nothing. Received entries carry 8 bytes more that devices don't see: the sender's own sequence of the message,
 * by which receipts are told.
 */
import { encodeMessage, type FrameWriter } from '../protocol/codec.ts';

const FLAGS = 1;
const FLAG_OUT = 1;
const SEQ = 2;
const ID = 10;
const TIME = 18;
const PEER = 26;
const TRAILER = 8;
const HIGH = 0x1_0000_0000;

/** Append a sent entry; returns its stored value, which is also its frame. */
export function appendOut(w: FrameWriter, seq: number, id: number, time: number, to: string, body: Uint8Array): Buffer {
  const start = w.length;
  encodeMessage(w, 'out', seq, id, time, to, body);
  return w.buffer.subarray(start, w.length);
}

/** Append a received entry; returns its stored value (frame and trailer). */
export function appendIn(
  w: FrameWriter,
  seq: number,
  id: number,
  time: number,
  from: string,
  body: Uint8Array,
  senderSeq: number,
): Buffer {
  const start = w.length;
  encodeMessage(w, 'in', seq, id, time, from, body);
  w.reserve(TRAILER);
  writeU64(w.buffer, w.length, senderSeq);
  w.length += TRAILER;
  return w.buffer.subarray(start, w.length);
}

/** Append a copy of a received entry under another sequence. */
export function appendInCopy(w: FrameWriter, value: Buffer, seq: number): Buffer {
  w.reserve(value.length);
  const start = w.length;
  value.copy(w.buffer, start);
  writeU64(w.buffer, start + SEQ, seq);
  w.length += value.length;
  return w.buffer.subarray(start, w.length);
}

/** The frame that devices get. */
export function frameOf(value: Buffer): Buffer {
  return isOut(value) ? value : value.subarray(0, value.length - TRAILER);
}

export function isOut(value: Buffer): boolean {
  return (value[FLAGS]! & FLAG_OUT) !== 0;
}

export function seqOf(value: Buffer): number {
  return readU64(value, SEQ);
}

export function idOf(value: Buffer): number {
  return readU64(value, ID);
}

export function timeOf(value: Buffer): number {
  return readU64(value, TIME);
}

/** The other user: the recipient of a sent entry, the sender of a received one. */
export function peerOf(value: Buffer): string {
  const length = value[PEER]!;
  return value.toString('utf8', PEER + 1, PEER + 1 + length);
}

/** The sender's own sequence of a received entry. */
export function senderSeqOf(value: Buffer): number {
  return readU64(value, value.length - TRAILER);
}

export function writeU64(b: Buffer, at: number, value: number): void {
  b.writeUInt32BE(Math.floor(value / HIGH), at);
  b.writeUInt32BE(value % HIGH, at + 4);
}

export function readU64(b: Buffer, at: number): number {
  return b.readUInt32BE(at) * HIGH + b.readUInt32BE(at + 4);
}
