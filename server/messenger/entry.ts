/**
 * How a timeline entry is stored: the MESSAGE frame exactly as devices get it, so that a push or a resume copies bytes and
 * encodes nothing. Received entries carry 8 bytes more that devices don't see: the sender's own sequence of the message,
 * by which receipts are told.
 */
import { encodeGroupMessage, encodeMessage, type FrameWriter } from '../protocol/codec.ts';
import { groupOfOwner, groupOwner, isGroupOwner } from './owners.ts';

const FLAGS = 1;
const FLAG_OUT = 1;
const FLAG_GROUP = 2;
const SEQ = 2;
const ID = 10;
const TIME = 18;
const PEER = 26;
const TRAILER = 8;
const HIGH = 0x1_0000_0000;

/** Append an entry sent to a user or a group (its owner name); returns its stored value, which is also its frame. */
export function appendOut(
  w: FrameWriter,
  seq: number,
  id: number,
  time: number,
  sender: string,
  to: string,
  body: Uint8Array,
): Buffer {
  const start = w.length;
  if (isGroupOwner(to)) encodeGroupMessage(w, 'out', seq, id, time, sender, groupOfOwner(to), 0, body);
  else encodeMessage(w, 'out', seq, id, time, to, body);
  return w.buffer.subarray(start, w.length);
}

/**
 * Append an entry received by the user `to`, or by the group of that owner name; returns its stored value (frame and
 * trailer). A group numbers it later: `appendGroupCopy`.
 */
export function appendIn(
  w: FrameWriter,
  seq: number,
  id: number,
  time: number,
  from: string,
  to: string,
  body: Uint8Array,
  senderSeq: number,
): Buffer {
  const start = w.length;
  if (isGroupOwner(to)) encodeGroupMessage(w, 'in', seq, id, time, from, groupOfOwner(to), 0, body);
  else encodeMessage(w, 'in', seq, id, time, from, body);
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

/** Append a copy of a received group entry as the group has it: `groupSeq` is its place in the group's own timeline. */
export function appendGroupCopy(w: FrameWriter, value: Buffer, groupSeq: number): Buffer {
  const copy = appendInCopy(w, value, groupSeq);
  writeU64(copy, groupSeqAt(copy), groupSeq);
  return copy;
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

export function isGroup(value: Buffer): boolean {
  return (value[FLAGS]! & FLAG_GROUP) !== 0;
}

/** The group of a group entry; empty for one between two users. */
export function groupOf(value: Buffer): string {
  if (!isGroup(value)) return '';
  const at = groupAt(value);
  return value.toString('utf8', at + 1, at + 1 + value[at]!);
}

/** The message itself, of a sent entry or a frame: a view. */
export function bodyOf(value: Buffer): Buffer {
  const at = isGroup(value) ? groupSeqAt(value) + 8 : PEER + 1 + value[PEER]!;
  return value.subarray(at + 4, at + 4 + value.readUInt32BE(at));
}

/** The place of a received group entry in the group's own timeline. */
export function groupSeqOf(value: Buffer): number {
  return readU64(value, groupSeqAt(value));
}

/** To whom a sent entry went: a user, or the owner name of a group. */
export function recipientOf(value: Buffer): string {
  return isGroup(value) ? groupOwner(groupOf(value)) : peerOf(value);
}

/** The index of conversations that an entry stands in: the peer's; null for group entries, which the group itself keeps. */
export function conversationOf(value: Buffer): string | null {
  return isGroup(value) ? null : peerOf(value);
}

/** The other user: the recipient of a sent entry, the sender of a received one; the author of a group entry. */
export function peerOf(value: Buffer): string {
  const length = value[PEER]!;
  return value.toString('utf8', PEER + 1, PEER + 1 + length);
}

/** The sender's own sequence of a received entry. */
export function senderSeqOf(value: Buffer): number {
  return readU64(value, value.length - TRAILER);
}

/** Where the group's name begins: behind the author's. */
function groupAt(value: Buffer): number {
  return PEER + 1 + value[PEER]!;
}

function groupSeqAt(value: Buffer): number {
  const at = groupAt(value);
  return at + 1 + value[at]!;
}

export function writeU64(b: Buffer, at: number, value: number): void {
  b.writeUInt32BE(Math.floor(value / HIGH), at);
  b.writeUInt32BE(value % HIGH, at + 4);
}

export function readU64(b: Buffer, at: number): number {
  return b.readUInt32BE(at) * HIGH + b.readUInt32BE(at + 4);
}
