import type { UserHead } from './message-store.ts';
import * as keys from './message-store-leveldb-keys.ts';
import type { LevelDatabase, LevelVolume } from './message-store-leveldb-volume.ts';

type RowIterator = ReturnType<typeof rowsOf>;

interface HeadRequest {
  shard: number;
  user: string;
  resolve: (head: UserHead) => void;
  reject: (error: unknown) => void;
}

/**
 * Reads the heads of users, all that were asked for in one turn of the event loop together: they share one iterator
 * and one lookup of the small rows (acknowledged, trimmed). An iterator sees the database as it was at its creation, so it serves
 * only requests that were there before.
 *
 * Measured on 1,000,000 timeline rows and as many client ids, at least 64 requests at a time, µs a head, JS thread and
 * total CPU: this way 35, 50; two iterators a head 52, 75; the same with rows in ascending order, read backward 81, 112.
 * Two thirds of what is left are the two turns of LevelDB's threads. The seeks themselves (3 µs each) run in the JS
 * thread: with the files in the page cache that is cheap, after a restart of the machine each may wait for the disk.
 */
export class HeadReader {
  readonly #volume: LevelVolume;
  #requests: HeadRequest[] = [];

  constructor(volume: LevelVolume) {
    this.#volume = volume;
  }

  read(shard: number, user: string): Promise<UserHead> {
    return new Promise((resolve, reject) => {
      this.#requests.push({ shard, user, resolve, reject });
      if (this.#requests.length === 1) setImmediate(() => this.#readGroup());
    });
  }

  async #readGroup(): Promise<void> {
    const requests = this.#requests;
    this.#requests = [];
    try {
      const heads = await this.#volume.read((database) => readHeads(database, requests));
      for (const [i, request] of requests.entries()) request.resolve(heads[i]!);
    } catch (error) {
      for (const request of requests) request.reject(error);
    }
  }
}

async function readHeads(database: LevelDatabase, requests: readonly HeadRequest[]): Promise<UserHead[]> {
  const smallRows = await database.getMany(
    requests.flatMap(({ shard, user }) => [
      Buffer.from(keys.acknowledgedKey(shard, user)),
      Buffer.from(keys.trimmedKey(shard, user)),
    ]),
  );
  const heads: UserHead[] = [];
  const iterator = rowsOf(database);
  try {
    for (const [i, { shard, user }] of requests.entries()) {
      const newest = Buffer.from(keys.timelineKey(shard, user, Number.MAX_SAFE_INTEGER));
      const highest = Buffer.from(keys.clientIdKey(shard, user, Number.MAX_SAFE_INTEGER));
      const acknowledged = smallRows[2 * i];
      const removed = smallRows[2 * i + 1];
      const trimmed = removed === undefined ? 0 : keys.numberOf(removed);
      const clientIdFloor = removed === undefined ? 0 : keys.numberOf(removed, 8);
      heads.push({
        // Retention may have removed the newest too: numbering goes on from there.
        seq: Math.max(await firstNumber(iterator, newest), trimmed),
        highestClientId: Math.max(await firstNumber(iterator, highest), clientIdFloor),
        acknowledged: acknowledged === undefined ? 0 : keys.numberOf(acknowledged),
        trimmed,
        clientIdFloor,
      });
    }
  } finally {
    await iterator.close();
  }
  return heads;
}

function rowsOf(database: LevelDatabase) {
  return database.keys();
}

/** The number of the first row at or after `start`, if it is of the same kind and user. */
async function firstNumber(iterator: RowIterator, start: Buffer): Promise<number> {
  iterator.seek(start);
  const key = await iterator.next();
  return key !== undefined && keys.sameRange(key, start) ? keys.descendingOf(key) : 0;
}
