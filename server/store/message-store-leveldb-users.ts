import type { TimelineOwner } from './message-store.ts';
import * as keys from './message-store-leveldb-keys.ts';
import type { LevelDatabase } from './message-store-leveldb-volume.ts';

/**
 * Owners of timelines after `after`, in the order of their keys. Two or three seeks an owner: to his first row, to his
 * timeline, behind his last row; what lies between is not read, however long his timeline is.
 */
export async function listUsers(
  database: LevelDatabase,
  after: TimelineOwner | null,
  limit: number,
): Promise<TimelineOwner[]> {
  const found: TimelineOwner[] = [];
  const iterator = database.keys();
  try {
    let position = Buffer.from(after === null ? keys.firstUserKey() : keys.endOfUserKey(after.shard, after.user));
    /** Whose timeline was looked for last. */
    let sought = '';
    while (found.length < limit) {
      iterator.seek(position);
      const key = await iterator.next();
      const row = key && keys.userOf(key);
      if (row === undefined) break;
      const { shard, user } = row;
      const owner = `${shard}/${user}`;
      if (row.inTimeline) found.push({ shard, user });
      else if (owner !== sought) {
        sought = owner;
        position = Buffer.from(keys.timelineKey(shard, user, Number.MAX_SAFE_INTEGER));
        continue;
      }
      position = Buffer.from(keys.endOfUserKey(shard, user));
    }
  } finally {
    await iterator.close();
  }
  return found;
}
