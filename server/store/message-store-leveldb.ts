import { resolve } from 'node:path';
import {
  type Durability,
  type MessageStore,
  type OutboxRecord,
  type PropertyQuery,
  type RangeQuery,
  resolveRange,
  type StoreBatch,
  type StoredEntry,
  type StoredProperty,
  type StoredReceipt,
  type TimelineOwner,
  type UserHead,
} from './message-store.ts';
import { LevelBatch } from './message-store-leveldb-batch.ts';
import { prepareDirectory } from './message-store-leveldb-directory.ts';
import { HeadReader } from './message-store-leveldb-heads.ts';
import * as keys from './message-store-leveldb-keys.ts';
import { listUsers } from './message-store-leveldb-users.ts';
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

  property(shard: number, owner: string, kind: number, name: string): Promise<Buffer | undefined> {
    return this.#get(keys.propertyKey(shard, owner, kind, name));
  }

  async properties(shard: number, owner: string, kind: number, query: PropertyQuery = {}): Promise<StoredProperty[]> {
    const { after, limit = Number.POSITIVE_INFINITY } = query;
    if (limit <= 0) return [];
    const nameless = Buffer.from(keys.propertyKey(shard, owner, kind, ''));
    const end = Buffer.from(nameless);
    // A kind of 255 has no byte above it, but the end of the user is.
    if (kind < 0xff) end[end.length - 1] = kind + 1;
    const range = {
      ...(after === undefined ? { gte: nameless } : { gt: Buffer.from(keys.propertyKey(shard, owner, kind, after)) }),
      lt: kind < 0xff ? end : Buffer.from(keys.endOfUserKey(shard, owner)),
      limit: Number.isFinite(limit) ? limit : -1,
      highWaterMarkBytes: READ_TURN_BYTES,
    };
    const rows = await this.#volume.read((database) => database.iterator(range).all());
    return rows.map(([key, value]) => ({ name: keys.propertyNameOf(key, nameless), value }));
  }

  users(after: TimelineOwner | null, limit: number): Promise<TimelineOwner[]> {
    return this.#volume.read((database) => listUsers(database, after, limit));
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
