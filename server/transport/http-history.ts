/** History over HTTP: range reads of a user's timeline and of one conversation in it, newest or oldest first. */
import { frameOf } from '../messenger/entry.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import { logicalShard } from '../shard-map.ts';
import type { RangeQuery, StoredEntry } from '../store/message-store.ts';
import { type Access, authenticatedUser, fromStore, userId, volumeOf } from './http-access.ts';
import type { HttpApi } from './http-api.ts';
import { HttpProblem } from './http-problem.ts';
import type { Query } from './http-query.ts';
import type { HttpCall } from './http-request.ts';

const LIMIT = { default: 50, most: 1_000 };
/** Entries of one answer have not more than this many bytes, unless there is only one. */
const PAGE_BYTES = 1_048_576;
/** Entries read at a time, so that no read is much larger than what is kept of it. */
const PIECE_ENTRIES = 100;

export function serveHistory(api: HttpApi, access: Access): void {
  api.get('/v1/timeline', async (call) => {
    const user = authenticatedUser(call, access);
    const query = rangeOf(call.query);
    const { store } = volumeOf(call, access, 'user', user);
    const read: Read = (part) => store.timeline(logicalShard(user), user, part);
    replyEntries(call, { user }, await readPage(read, query));
  });
  api.get('/v1/conversation', async (call) => {
    const user = authenticatedUser(call, access);
    const peer = userId('peer', call.query.text('peer'));
    const query = rangeOf(call.query);
    const { store } = volumeOf(call, access, 'user', user);
    const read: Read = (part) => store.conversation(logicalShard(user), user, peer, part);
    replyEntries(call, { user }, await readPage(read, query));
  });
}

export type Read = (range: RangeQuery) => Promise<StoredEntry[]>;
export type Range = RangeQuery & { limit: number };

/** The entries of a range, as many as one answer may have. */
export async function readPage(read: Read, range: Range): Promise<StoredEntry[]> {
  const page: StoredEntry[] = [];
  const rest = { ...range };
  let bytes = 0;
  for (;;) {
    const limit = Math.min(PIECE_ENTRIES, range.limit - page.length);
    const piece = limit === 0 ? [] : await fromStore(read({ ...rest, limit }));
    for (const entry of piece) {
      bytes += entry.value.length;
      if (bytes > PAGE_BYTES && page.length > 0) return page;
      page.push(entry);
    }
    const last = piece.at(-1);
    if (last === undefined || piece.length < limit) return page;
    if (range.order === 'newest-first') rest.before = last.seq;
    else rest.after = last.seq;
  }
}

/** The part of a history that a query asks for. */
export function rangeOf(query: Query): Range {
  const range: Range = { limit: pageLimit(query, LIMIT) };
  const after = query.integer('after');
  const before = query.integer('before');
  if (after !== undefined) range.after = after;
  if (before !== undefined) range.before = before;
  const order = query.text('order') || 'oldest-first';
  if (order !== 'oldest-first' && order !== 'newest-first') {
    throw new HttpProblem(400, 'order must be oldest-first or newest-first');
  }
  range.order = order;
  return range;
}

/** How many items a query asks for; more than `most` are not given. */
export function pageLimit(query: Query, limit: { default: number; most: number }): number {
  return Math.min(query.integer('limit') ?? limit.default, limit.most);
}

/** `{…head, "entries": […]}`, each as its `message` frame. */
export function replyEntries(call: HttpCall, head: object, entries: StoredEntry[]): void {
  const messages = entries.map(({ value }) => jsonFromServerFrames(frameOf(value))[0]);
  call.replyText(200, `${JSON.stringify({ ...head, entries: [] }).slice(0, -2)}${messages.join(',')}]}`);
}
