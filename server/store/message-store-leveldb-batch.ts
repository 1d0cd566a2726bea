import type { StoreBatch, StoredReceipt } from './message-store.ts';
import * as keys from './message-store-leveldb-keys.ts';
import type { NativeBatch } from './message-store-leveldb-volume.ts';

/** Appends straight to LevelDB's batch, which copies: nothing is kept on the JS side. */
export class LevelBatch implements StoreBatch {
  size = 0;
  bytes = 0;
  readonly #native: NativeBatch;
  #state: 'growing' | 'committing' | 'rejected' | 'committed' = 'growing';

  constructor(native: NativeBatch) {
    this.#native = native;
  }

  /** From here on another thread may read the native batch. */
  seal(): NativeBatch {
    if (this.#state === 'committing' || this.#state === 'committed') throw committedError();
    this.#state = 'committing';
    return this.#native;
  }

  /** It was not written: it may be committed again. */
  unseal(): void {
    this.#state = 'rejected';
  }

  /** It was written: the native batch goes back to the pool. */
  release(): void {
    this.#state = 'committed';
  }

  putEntry(shard: number, user: string, seq: number, conversation: string | null, value: Buffer): void {
    if (conversation !== null) {
      this.#put(keys.conversationKey(shard, user, conversation, seq), keys.EMPTY_VALUE);
      this.size--;
    }
    this.#put(keys.timelineKey(shard, user, seq), value);
  }

  deleteEntry(shard: number, user: string, seq: number, conversation: string | null, clientId: number | null): void {
    const size = this.size + 1;
    if (conversation !== null) this.#delete(keys.conversationKey(shard, user, conversation, seq));
    if (clientId !== null) this.#delete(keys.clientIdKey(shard, user, clientId));
    this.#delete(keys.timelineKey(shard, user, seq));
    this.size = size;
  }

  putTrimmed(shard: number, user: string, trimmed: number, clientIdFloor: number): void {
    this.#put(keys.trimmedKey(shard, user), keys.pairValue(trimmed, clientIdFloor));
  }

  putProperty(shard: number, owner: string, kind: number, name: string, value: Buffer): void {
    this.#put(keys.propertyKey(shard, owner, kind, name), value);
  }

  deleteProperty(shard: number, owner: string, kind: number, name: string): void {
    this.#delete(keys.propertyKey(shard, owner, kind, name));
  }

  putClientId(shard: number, user: string, id: number, seq: number): void {
    this.#put(keys.clientIdKey(shard, user, id), keys.numberValue(seq));
  }

  putAcknowledged(shard: number, user: string, seq: number): void {
    this.#put(keys.acknowledgedKey(shard, user), keys.numberValue(seq));
  }

  putReceipt(shard: number, user: string, peer: string, receipt: StoredReceipt): void {
    this.#put(keys.receiptKey(shard, user, peer), keys.numberValue(receipt.delivered));
  }

  putOutbox(destination: number, number: number, value: Buffer): void {
    this.#put(keys.outboxKey(destination, number), value);
  }

  deleteOutbox(destination: number, number: number): void {
    this.#delete(keys.outboxKey(destination, number));
  }

  putCursor(source: number, number: number): void {
    this.#put(keys.cursorKey(source), keys.numberValue(number));
  }

  #put(key: Buffer, value: Buffer): void {
    this.#open()._put(key, value);
    this.size++;
    this.bytes += key.length + value.length;
  }

  #delete(key: Buffer): void {
    this.#open()._del(key);
    this.size++;
    this.bytes += key.length;
  }

  #open(): NativeBatch {
    if (this.#state !== 'growing') throw committedError();
    return this.#native;
  }
}

function committedError(): Error {
  return new Error('This batch was committed: start a new one.');
}
