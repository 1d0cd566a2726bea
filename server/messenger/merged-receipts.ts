/**
 * Receipts for volumes that do not confirm. They are cumulative, so of those that wait only the newest of each state, sender
 * and recipient counts: what is kept here grows with the pairs, not with the messages.
 */
import { FrameWriter } from '../protocol/codec.ts';
import { appendReceipt, type ReceiptState, readReceipts } from './forward-record.ts';

/** A record is about so long. */
const PIECE_BYTES = 64 * 1024;

interface Receipt {
  state: ReceiptState;
  sender: string;
  recipient: string;
  upTo: number;
}

export class MergedReceipts {
  #destinations = new Map<number, Map<string, Receipt>>();

  /** Whether nothing waits, for any destination. */
  get empty(): boolean {
    return this.#destinations.size === 0;
  }

  has(destination: number): boolean {
    return this.#destinations.has(destination);
  }

  /** Take in the receipts of a record. */
  add(destination: number, record: Buffer): void {
    let merged = this.#destinations.get(destination);
    if (merged === undefined) {
      merged = new Map();
      this.#destinations.set(destination, merged);
    }
    readReceipts(record, (state, sender, recipient, upTo) => {
      const key = `${state}\n${sender}\n${recipient}`;
      const known = merged.get(key);
      if (known === undefined) merged.set(key, { state, sender, recipient, upTo });
      else if (upTo > known.upTo) known.upTo = upTo;
    });
  }

  /** Hand out what waits for a destination, a record at a time, while there is room. */
  drain(destination: number, hasRoom: () => boolean, push: (record: Buffer) => void): void {
    const merged = this.#destinations.get(destination);
    if (merged === undefined) return;
    const writer = new FrameWriter(PIECE_BYTES);
    for (const [key, { state, sender, recipient, upTo }] of merged) {
      if (!hasRoom()) break;
      appendReceipt(writer, state, sender, recipient, upTo);
      merged.delete(key);
      if (writer.length < PIECE_BYTES) continue;
      push(writer.take());
      writer.reset();
    }
    if (writer.length > 0) push(writer.take());
    if (merged.size === 0) this.#destinations.delete(destination);
  }
}
