/** What a notification tells of a stretch of a timeline. */
import { createHash } from 'node:crypto';
import { groupOf, isOut, peerOf, timeOf } from '../messenger/entry.ts';
import type { UserState } from '../messenger/user-state.ts';
import type { MessageStore, StoredEntry } from '../store/message-store.ts';
import type { Notification } from './provider.ts';

/** More messages than this are not counted: nobody reads the difference, and the store would. */
export const COUNT_MOST = 1_000;
const PIECE_ENTRIES = 100;

export type Summary = Pick<Notification, 'count' | 'from' | 'group' | 'firstSeq' | 'lastSeq' | 'time'>;

/** Of the entries after `after`, up to and including `upTo`; null when nothing in them was received. */
export async function summarise(
  store: MessageStore,
  user: Pick<UserState, 'name' | 'shard'>,
  after: number,
  upTo: number,
): Promise<Summary | null> {
  let count = 0;
  let first: StoredEntry | undefined;
  let last: StoredEntry | undefined;
  for (let at = after; at < upTo && count < COUNT_MOST; ) {
    const entries = await store.timeline(user.shard, user.name, { after: at, before: upTo + 1, limit: PIECE_ENTRIES });
    for (const entry of entries) {
      at = entry.seq;
      if (isOut(entry.value)) continue;
      first ??= entry;
      last = entry;
      count++;
    }
    if (entries.length < PIECE_ENTRIES) break;
  }
  if (first === undefined || last === undefined) return null;
  if (count >= COUNT_MOST) {
    count = COUNT_MOST;
    last = (await newestReceived(store, user, last.seq, upTo)) ?? last;
  }
  const group = groupOf(last.value);
  return {
    count,
    from: peerOf(last.value),
    ...(group === '' ? {} : { group }),
    firstSeq: first.seq,
    lastSeq: last.seq,
    time: timeOf(last.value),
  };
}

async function newestReceived(
  store: MessageStore,
  user: Pick<UserState, 'name' | 'shard'>,
  after: number,
  upTo: number,
): Promise<StoredEntry | undefined> {
  const entries = await store.timeline(user.shard, user.name, {
    after,
    before: upTo + 1,
    order: 'newest-first',
    limit: PIECE_ENTRIES,
  });
  return entries.find(({ value }) => !isOut(value));
}

/** The id of a notification: the same for the same last message, so that a receiver can tell a repeat. */
export function notificationId(user: string, device: string, summary: Summary): string {
  const text = JSON.stringify([user, device, summary.lastSeq, summary.time]);
  return createHash('sha256').update(text).digest().subarray(0, 24).toString('base64url');
}
