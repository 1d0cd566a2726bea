import { resolve } from 'node:path';
import {
  type Durability,
  type MessageStore,
  type OutboxRecord,
  type RangeQuery,
  resolveRange,
  type StoreBatch,
  type StoredEntry,
  type StoredReceipt,
  type UserHead,
} from './message-store.ts';
import { prepareDirectory } from './message-store-leveldb-directory.ts';
import { HeadReader } from './message-store-leveldb-heads.ts';
import * as keys from './message-store-leveldb-keys.ts';
import { LevelVolume, type NativeBatch } from './message-store-leveldb-volume.ts';

export interface LevelStoreOptions {
  /** Created when absent; one process at a time. */
  directory: string;
  /**
   * `fsync` waits for the disk at each commit. `os` hands the batch to the operating system: it survives the death of
   * the process, not of the machine. `none` writes as `os` does and promises nothing.
   */
  durability: Durability;
}

/** A store in LevelDB. Throws StoreError: locked, unwritable, corrupt, full, failed (foreign or newer data). */
export async function openLevelStore(options: LevelStoreOptions): Promise<MessageStore> {
  const location = await prepareDirectory(options.directory);
  const volume = new LevelVolume(resolve(options.directory), location);
  await volume.open();
  try {
    const first = await volume.read((database) => database.keys({ limit: 1 }).all());
    return new LevelStore(volume, options.durability === 'fsync', first.length === 0);
  } catch (error) {
    await volume.close();
    throw error;
  }
}

/** Idle native batches kept for reuse; more than are ever in flight between a batcher and the disk. */
const MAX_POOLED_BATCHES = 8;
/** A read fetches this much in one turn of LevelDB's thread. */
const READ_TURN_BYTES = 256 * 1024;

interface Commit {
  batch: LevelBatch;
  native: NativeBatch;
  resolve: () => void;
  reject: (error: unknown) => void;
}

class LevelStore implements MessageStore {
  readonly persistent = true;
  readonly createdEmpty: boolean;
  readonly #volume: LevelVolume;
  readonly #sync: boolean;
  readonly #heads: HeadReader;
  readonly #pool: NativeBatch[] = [];
  #commits: Commit[] = [];
  #writing: Promise<void> | undefined;

  constructor(volume: LevelVolume, sync: boolean, createdEmpty: boolean) {
    this.#volume = volume;
    this.#sync = sync;
    this.createdEmpty = createdEmpty;
    this.#heads = new HeadReader(volume);
  }

  batch(): StoreBatch {
    return new LevelBatch(this.#pool.pop() ?? this.#volume.newBatch());
  }

  commit(batch: StoreBatch): Promise<void> {
    return new Promise((resolve, reject) => {
      const level = batch as LevelBatch;
      this.#commits.push({ batch: level, native: level.seal(), resolve, reject });
      this.#writing ??= this.#writeCommits();
    });
  }

  async #writeCommits(): Promise<void> {
    for (let commit = this.#commits.shift(); commit !== undefined; commit = this.#commits.shift()) {
      try {
        await this.#volume.write(commit.native, this.#sync);
        commit.batch.release();
        commit.native._clear();
        if (this.#pool.length < MAX_POOLED_BATCHES) this.#pool.push(commit.native);
        commit.resolve();
      } catch (error) {
        // What was committed later must not overtake what failed: it fails with it.
        const failed = [commit, ...this.#commits];
        this.#commits = [];
        for (const { batch, reject } of failed) {
          batch.unseal();
          reject(error);
        }
      }
    }
    // Here and not when the promise settles: a commit called in between would wait for nobody.
    this.#writing = undefined;
  }

  head(shard: number, user: string): Promise<UserHead> {
    return this.#heads.read(shard, user);
  }

  async findClientId(shard: number, user: string, id: number): Promise<number | undefined> {
    const value = await this.#get(keys.clientIdKey(shard, user, id));
    return value && keys.numberOf(value);
  }

  async receipt(shard: number, user: string, peer: string): Promise<StoredReceipt | undefined> {
    const value = await this.#get(keys.receiptKey(shard, user, peer));
    return value && { delivered: keys.numberOf(value) };
  }

  async timeline(shard: number, user: string, query: RangeQuery): Promise<StoredEntry[]> {
    const range = descendingRange(query, (seq) => keys.timelineKey(shard, user, seq));
    if (range === undefined) return [];
    const rows = await this.#volume.read((database) => database.iterator(range).all());
    return rows.map(([key, value]) => ({ seq: keys.descendingOf(key), value }));
  }

  async conversation(shard: number, user: string, conversation: string, query: RangeQuery): Promise<StoredEntry[]> {
    const range = descendingRange(query, (seq) => keys.conversationKey(shard, user, conversation, seq));
    if (range === undefined) return [];
    return this.#volume.read(async (database) => {
      const sequences = (await database.keys(range).all()).map(keys.descendingOf);
      const values = await database.getMany(sequences.map((seq) => Buffer.from(keys.timelineKey(shard, user, seq))));
      return sequences.flatMap((seq, i) => {
        const value = values[i];
        return value === undefined ? [] : [{ seq, value }];
      });
    });
  }

  async outbox(destination?: number, after?: number, limit = Number.POSITIVE_INFINITY): Promise<OutboxRecord[]> {
    const first = Math.max(0, (after ?? -1) + 1);
    const records: OutboxRecord[] = [];
    const range = {
      gte: Buffer.from(keys.outboxKey(destination ?? 0, destination === undefined ? 0 : first)),
      lte: Buffer.from(keys.outboxKey(destination ?? 0xffff_ffff, Number.MAX_SAFE_INTEGER)),
      highWaterMarkBytes: READ_TURN_BYTES,
    };
    await this.#volume.read(async (database) => {
      for await (const [key, value] of database.iterator(range)) {
        if (records.length >= limit) break;
        const record = { ...keys.outboxOf(key), value };
        if (record.number >= first) records.push(record);
      }
    });
    return records;
  }

  async cursors(): Promise<Map<number, number>> {
    const range = { gte: Buffer.from(keys.cursorKey(0)), lte: Buffer.from(keys.cursorKey(0xffff_ffff)) };
    const rows = await this.#volume.read((database) => database.iterator(range).all());
    return new Map(rows.map(([key, value]) => [keys.cursorOf(key), keys.numberOf(value)]));
  }

  /** Commits that were called before are finished first. */
  async close(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing;
    await this.#volume.close();
  }

  #get(scratchKey: Buffer): Promise<Buffer | undefined> {
    const key = Buffer.from(scratchKey);
    return this.#volume.read((database) => database.get(key));
  }
}

/** Appends straight to LevelDB's batch, which copies: nothing is kept on the JS side. */
class LevelBatch implements StoreBatch {
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

  putEntry(shard: number, user: string, seq: number, conversation: string, value: Buffer): void {
    this.#put(keys.conversationKey(shard, user, conversation, seq), keys.EMPTY_VALUE);
    this.#put(keys.timelineKey(shard, user, seq), value);
    this.size--;
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
    this.#open()._del(keys.outboxKey(destination, number));
    this.size++;
  }

  putCursor(source: number, number: number): void {
    this.#put(keys.cursorKey(source), keys.numberValue(number));
  }

  #put(key: Buffer, value: Buffer): void {
    this.#open()._put(key, value);
    this.size++;
    this.bytes += key.length + value.length;
  }

  #open(): NativeBatch {
    if (this.#state !== 'growing') throw committedError();
    return this.#native;
  }
}

function committedError(): Error {
  return new Error('This batch was committed: start a new one.');
}

/** The options of an iterator over rows whose keys end in a descending number; undefined when nothing can match. */
function descendingRange(query: RangeQuery, keyOf: (seq: number) => Buffer) {
  const { first, last, newestFirst, limit } = resolveRange(query);
  if (first > last || limit <= 0) return undefined;
  return {
    gte: Buffer.from(keyOf(last)),
    lte: Buffer.from(keyOf(first)),
    reverse: !newestFirst,
    limit: Number.isFinite(limit) ? limit : -1,
    highWaterMarkBytes: READ_TURN_BYTES,
  };
}
