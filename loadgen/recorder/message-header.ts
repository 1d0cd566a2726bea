/**
 * What the sender's agent writes at the start of every message body, so that the recipient's agent can time it and account
 * for it: 36 bytes, big-endian.
 *
 * magic u24 · stream u8 · run tag u32 · sender u32 · recipient u32 · number u32 · intended send time f64 · actual send time f64
 */

export const MESSAGE_HEADER_BYTES = 36;

export interface MessageHeader {
  /** Index of the stream in the run's plan, 0 to 255. */
  stream: number;
  /** Tells the messages of one run from those of another on the same data. */
  runTag: number;
  /** Index of the user in the population. */
  sender: number;
  /** The same, or the ledger's code of a group. */
  recipient: number;
  /** Place in the sequence from this sender to this recipient: 1, 2, 3, … */
  number: number;
  /** When the schedule wanted it sent and when it was, in ms on the coordinator's clock. */
  intendedMs: number;
  actualMs: number;
}

/** Write the header at the start of `body`, which has at least MESSAGE_HEADER_BYTES; the rest stays as it is. */
export function writeHeader(body: Buffer, header: MessageHeader): void {
  body.writeUInt32BE(MAGIC + header.stream, 0);
  body.writeUInt32BE(header.runTag, 4);
  body.writeUInt32BE(header.sender, 8);
  body.writeUInt32BE(header.recipient, 12);
  body.writeUInt32BE(header.number, 16);
  body.writeDoubleBE(header.intendedMs, 20);
  body.writeDoubleBE(header.actualMs, 28);
}

/** The header of a body, or null when it has none (a message that no agent sent). */
export function readHeader(body: Uint8Array): MessageHeader | null {
  if (body.length < MESSAGE_HEADER_BYTES) return null;
  const b = Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if ((b.readUInt32BE(0) & 0xffffff00) !== MAGIC) return null;
  return {
    stream: b[3]!,
    runTag: b.readUInt32BE(4),
    sender: b.readUInt32BE(8),
    recipient: b.readUInt32BE(12),
    number: b.readUInt32BE(16),
    intendedMs: b.readDoubleBE(20),
    actualMs: b.readDoubleBE(28),
  };
}

/** "PLI" */
const MAGIC = 0x504c4900;
