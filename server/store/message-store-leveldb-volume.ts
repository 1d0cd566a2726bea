import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { StoreError } from './message-store.ts';
import { storeErrorOf } from './message-store-leveldb-errors.ts';

/**
 * Measured on two cores of an AMD EPYC, 50,000 users, 140-byte entries, batches of 100 messages, 300,000 messages of
 * 5 puts; total CPU (all threads, with compactions) and wall time in µs a message, minimum of three runs:
 *
 *   writeBufferSize / maxFileSize    4/8 MB 13.5, 9.7 | 8/8 MB 13.1, 9.0 | 8/16 MB 11.3, 7.6 | 16/16 MB 12.6, 8.7 | 32/2 MB 11.4, 11.4
 *   compression (at 16 MB)           on 13.6, 10.0 | off 12.3, 8.4
 *   blockSize 16 KB, blockRestartInterval 64: no change outside the noise, so the defaults stay (small blocks read faster)
 *
 * A small memtable stays in the processor's cache and in the memory budget (two of them live at a time). A third of the
 * CPU is the skip list of the memtable, a fifth the kernel's write and the file cache, 7 % the checksum of the log.
 */
const LEVEL_OPTIONS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  compression: false,
  writeBufferSize: 8 * 2 ** 20,
  maxFileSize: 16 * 2 ** 20,
} as const;

/** Room for the small files of an opening: manifest, new log, a table's index. */
const RECOVERY_MARGIN_BYTES = 256 * 1024;

export type LevelDatabase = ClassicLevel<Buffer, Buffer>;
type Resource = Parameters<LevelDatabase['detachResource']>[0];

/**
 * LevelDB's own write batch, by the methods that abstract-level documents for implementors. The public chained batch
 * costs 3.4–4.8 µs of the JS thread a message against 2.5–2.9 µs, and cannot be written a second time after a failure.
 * (An array batch costs 29 µs; string keys 4.3 µs; `view` encoding 3.6 µs.) Puts copy key and value at once.
 */
export interface NativeBatch {
  _put(key: Buffer, value: Buffer): void;
  _del(key: Buffer): void;
  _clear(): void;
  /** Only while the database is open: writing to a closed one ends the process. */
  _write(options: { sync: boolean }): Promise<void>;
}

/**
 * An open LevelDB that can be reopened after a failed write.
 *
 * Why reopen: after a failed fsync or compaction LevelDB refuses every write until it is opened again. After a failed
 * append (disk full) it takes further writes once there is room, but behind a torn record of the log: recovery drops all
 * of them (seen: 50 of 50). Opening again replays the log up to its last whole record and starts a new one.
 */
export class LevelVolume {
  readonly directory: string;
  readonly #location: string;
  readonly #database: LevelDatabase;
  /** suspect: a write failed, reads go on; down: a reopening is under way or failed. */
  #state: 'open' | 'suspect' | 'down' | 'closed' = 'down';
  #lastError: StoreError | undefined;
  #reopening: Promise<void> | undefined;
  #activeReads = 0;
  #readsDone: (() => void) | undefined;

  /** `directory` is named in errors, `location` holds LevelDB's files. */
  constructor(directory: string, location: string) {
    this.directory = directory;
    this.#location = location;
    this.#database = new ClassicLevel<Buffer, Buffer>(location, LEVEL_OPTIONS);
  }

  async open(): Promise<void> {
    try {
      await this.#database.open();
      this.#state = 'open';
    } catch (error) {
      throw storeErrorOf(error, this.directory);
    }
  }

  /** Also while the database is down; the public `batch()` would throw then. */
  newBatch(): NativeBatch {
    const database = this.#database as unknown as { _chainedBatch(): NativeBatch & Resource };
    const batch = database._chainedBatch();
    // The database would otherwise keep every batch until it closes.
    this.#database.detachResource(batch);
    return batch;
  }

  /** Writes one batch; one call at a time, because LevelDB's threads keep no order between two. Throws StoreError. */
  async write(batch: NativeBatch, sync: boolean): Promise<void> {
    if (this.#state === 'suspect') await this.#checkRoom();
    if (this.#state !== 'open') await this.#restore();
    try {
      await batch._write({ sync });
    } catch (error) {
      this.#lastError = storeErrorOf(error, this.directory);
      this.#state = 'suspect';
      throw this.#lastError;
    }
  }

  /** Runs a read on the open database; a reopening waits for it. Throws StoreError. */
  async read<T>(work: (database: LevelDatabase) => Promise<T>): Promise<T> {
    while (this.#state === 'down') await this.#restore();
    if (this.#state === 'closed') throw this.#closedError();
    this.#activeReads++;
    try {
      return await work(this.#database);
    } catch (error) {
      throw storeErrorOf(error, this.directory);
    } finally {
      this.#activeReads--;
      if (this.#activeReads === 0) this.#readsDone?.();
    }
  }

  /** Waits for what is running, then closes. */
  async close(): Promise<void> {
    await this.#reopening?.catch(() => {});
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    await this.#readsFinished();
    await this.#database.close();
  }

  #restore(): Promise<void> {
    if (this.#state === 'closed') return Promise.reject(this.#closedError());
    this.#reopening ??= this.#reopen().finally(() => {
      this.#reopening = undefined;
    });
    return this.#reopening;
  }

  async #reopen(): Promise<void> {
    this.#state = 'down';
    await this.#readsFinished();
    await this.#database.close();
    await this.open();
  }

  /**
   * Opening writes the log's content to a new table. While there is no room for that, the database stays open, so that
   * reads go on.
   */
  async #checkRoom(): Promise<void> {
    if (this.#lastError?.code !== 'full') return;
    const { free, needed } = await recoveryRoom(this.#location).catch((error) => {
      throw storeErrorOf(error, this.directory);
    });
    if (free < needed) throw this.#lastError;
  }

  async #readsFinished(): Promise<void> {
    if (this.#activeReads === 0) return;
    await new Promise<void>((resolve) => {
      this.#readsDone = resolve;
    });
    this.#readsDone = undefined;
  }

  #closedError(): StoreError {
    return new StoreError('failed', `The message store in ${this.directory} is closed: open it again.`);
  }
}

/** Bytes that are free, and that the next opening may write. */
async function recoveryRoom(location: string): Promise<{ free: number; needed: number }> {
  const { bavail, bsize } = await statfs(location);
  const logs = (await readdir(location)).filter((name) => name.endsWith('.log'));
  const sizes = await Promise.all(logs.map(async (name) => (await stat(join(location, name))).size));
  return { free: bavail * bsize, needed: sizes.reduce((sum, size) => sum + size, RECOVERY_MARGIN_BYTES) };
}
