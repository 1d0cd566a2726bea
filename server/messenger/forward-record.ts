/**
 * What travels between volumes. A forward record is a row of items `u8 length · recipient · u32 length · entry value`
 * (the received entry with a placeholder for its sequence); a receipts record is a row of items
 * `u8 state · u8 length · sender · u8 length · recipient · u64 upTo`.
 */
import type { FrameWriter } from '../protocol/codec.ts';
import { appendIn, readU64, writeU64 } from './entry.ts';

const STATES = ['delivered', 'stored'] as const;
export type ReceiptState = (typeof STATES)[number];

export function appendForward(
  w: FrameWriter,
  recipient: string,
  id: number,
  time: number,
  sender: string,
  body: Uint8Array,
  senderSeq: number,
): void {
  appendName(w, recipient);
  w.reserve(4);
  const lengthAt = w.length;
  w.length += 4;
  const value = appendIn(w, 1, id, time, sender, recipient, body, senderSeq);
  w.buffer.writeUInt32BE(value.length, lengthAt);
}

/** Calls `item` for each item; `value` is a view of the record. */
export function readForward(record: Buffer, item: (recipient: string, value: Buffer) => void): void {
  let at = 0;
  while (at < record.length) {
    const nameLength = record[at]!;
    const recipient = record.toString('utf8', at + 1, at + 1 + nameLength);
    at += 1 + nameLength;
    const length = record.readUInt32BE(at);
    at += 4;
    item(recipient, record.subarray(at, at + length));
    at += length;
  }
}

export function appendReceipt(
  w: FrameWriter,
  state: ReceiptState,
  sender: string,
  recipient: string,
  upTo: number,
): void {
  w.reserve(1);
  w.buffer[w.length++] = state === 'delivered' ? 0 : 1;
  appendName(w, sender);
  appendName(w, recipient);
  w.reserve(8);
  writeU64(w.buffer, w.length, upTo);
  w.length += 8;
}

export function readReceipts(
  record: Buffer,
  item: (state: ReceiptState, sender: string, recipient: string, upTo: number) => void,
): void {
  let at = 0;
  while (at < record.length) {
    const state = STATES[record[at]!]!;
    const senderLength = record[at + 1]!;
    const sender = record.toString('utf8', at + 2, at + 2 + senderLength);
    at += 2 + senderLength;
    const recipientLength = record[at]!;
    const recipient = record.toString('utf8', at + 1, at + 1 + recipientLength);
    at += 1 + recipientLength;
    item(state, sender, recipient, readU64(record, at));
    at += 8;
  }
}

export function appendName(w: FrameWriter, name: string): void {
  // A name is at most 64 UTF-8 bytes (PROTOCOL.md), checked where it came in; a group's has one byte more.
  w.reserve(1 + name.length * 3);
  const length = w.buffer.write(name, w.length + 1, 'utf8');
  w.buffer[w.length] = length;
  w.length += 1 + length;
}
