/**
 * The message store of one volume: the timelines of all users whose logical shard the volume holds.
 *
 * Guarantees that every implementation keeps (message-store.suite.ts checks them):
 * - A batch is atomic: after a crash either all of it is there or nothing of it.
 * - Batches are applied in the order of their `commit` calls.
 * - When `commit` resolves, the batch holds what the durability level promises:
 *   `fsync` survives power loss, `os` survives the death of the process, `none` promises nothing.
 * - When `commit` rejects, the batch may or may not be there; committing it again is safe (puts are idempotent).
 *   Batches committed after it and not yet written are rejected with it, so that no later batch overtakes it:
 *   commit all of them again in the same order.
 * - Reads see every batch whose `commit` has resolved.
 */

export type Durability = 'fsync' | 'os' | 'none';

/** A timeline entry. `value` is opaque to the store; treat what a read returns as read-only. */
export interface StoredEntry {
  seq: number;
  value: Buffer;
}

export interface RangeQuery {
  /** Only entries with seq > after. */
  after?: number;
  /** Only entries with seq < before. */
  before?: number;
  /** Default oldest first. */
  order?: 'oldest-first' | 'newest-first';
  /** At most this many entries, default 100. */
  limit?: number;
}

export interface PropertyQuery {
  /** Only names after this one. */
  after?: string;
  /** Default: no limit. */
  limit?: number;
}

/** A range query with its defaults filled in; `first` and `last` are inclusive, and `first > last` means empty. */
export interface ResolvedRange {
  first: number;
  last: number;
  newestFirst: boolean;
  limit: number;
}

export function resolveRange(query: RangeQuery): ResolvedRange {
  return {
    first: Math.max(0, (query.after ?? -1) + 1),
    last: Math.min(Number.MAX_SAFE_INTEGER, (query.before ?? Number.POSITIVE_INFINITY) - 1),
    newestFirst: query.order === 'newest-first',
    limit: query.limit ?? 100,
  };
}

/**
 * Longest ids, in bytes of UTF-8. Longer ones are refused with a RangeError. The owner of a timeline or of a property is a
 * user, or a pseudo user whose id has a prefix of one byte (properties.ts).
 */
export const MAX_USER_BYTES = 65;
export const MAX_CONVERSATION_BYTES = 65;
export const MAX_PROPERTY_NAME_BYTES = 64;

/** What must be known of a user before the first append. All 0 for a user never seen. */
export interface UserHead {
  /** Newest sequence in the timeline, also when retention has removed that entry. */
  seq: number;
  /** Highest client message id ever stored for this user, also when retention has removed it. */
  highestClientId: number;
  /** Highest sequence that a device acknowledged and whose receipts are settled. */
  acknowledged: number;
  /** Entries up to here were removed by retention. */
  trimmed: number;
  /** What became of client message ids up to here may have been forgotten with the entries that they became. */
  clientIdFloor: number;
}

/** The owner of a timeline: a user or a pseudo user. */
export interface TimelineOwner {
  shard: number;
  user: string;
}

/** A stored outbox record: bytes on their way to another volume. Numbers are increasing per destination. */
export interface OutboxRecord {
  destination: number;
  number: number;
  value: Buffer;
}

export interface StoredReceipt {
  /** The sender’s messages up to this sequence of its own were delivered. */
  delivered: number;
}

export interface StoredProperty {
  name: string;
  value: Buffer;
}

/**
 * One atomic write. Users are given with their logical shard (0–999, or 0xffff for what belongs to the volume as a
 * whole), which prefixes their keys.
 * Buffers passed in may be reused by the caller once `commit` has been *called* (not resolved).
 * A batch is sealed by its first `commit`: a put after it throws. It stays valid for `commit` until one resolves.
 * Numbers are integers from 0 to 2^53 - 1, kinds from 0 to 255; for the length of ids see the constants above.
 */
export interface StoreBatch {
  /** Number of operations so far. */
  readonly size: number;
  /** Bytes of their keys and values, about: what the batch takes in memory while it waits. */
  readonly bytes: number;
  /** Append a timeline entry and its conversation index; none for the conversation `null`. */
  putEntry(shard: number, user: string, seq: number, conversation: string | null, value: Buffer): void;
  /**
   * Remove a timeline entry, its conversation index and what client message id it was. Entries are removed from the oldest
   * on, and `putTrimmed` with at least this sequence and client id belongs into the same batch: `UserHead` relies on it.
   */
  deleteEntry(shard: number, user: string, seq: number, conversation: string | null, clientId: number | null): void;
  /** Neither number ever falls. */
  putTrimmed(shard: number, user: string, trimmed: number, clientIdFloor: number): void;
  /** Remember that client message id `id` of this user became `seq`. */
  putClientId(shard: number, user: string, id: number, seq: number): void;
  putAcknowledged(shard: number, user: string, seq: number): void;
  putReceipt(shard: number, user: string, peer: string, receipt: StoredReceipt): void;
  /** `name` may be empty. A property that is there is replaced. */
  putProperty(shard: number, owner: string, kind: number, name: string, value: Buffer): void;
  deleteProperty(shard: number, owner: string, kind: number, name: string): void;
  putOutbox(destination: number, number: number, value: Buffer): void;
  deleteOutbox(destination: number, number: number): void;
  /** Everything from volume `source` up to `number` has been applied. */
  putCursor(source: number, number: number): void;
}

export interface MessageStore {
  /** False for a store that forgets at close (memory). */
  readonly persistent: boolean;
  /** True when nothing was stored before this open: every user is then known to be new. */
  readonly createdEmpty: boolean;
  batch(): StoreBatch;
  commit(batch: StoreBatch): Promise<void>;
  head(shard: number, user: string): Promise<UserHead>;
  /** The sequence that client message id `id` of this user became, if any. */
  findClientId(shard: number, user: string, id: number): Promise<number | undefined>;
  timeline(shard: number, user: string, query: RangeQuery): Promise<StoredEntry[]>;
  conversation(shard: number, user: string, conversation: string, query: RangeQuery): Promise<StoredEntry[]>;
  receipt(shard: number, user: string, peer: string): Promise<StoredReceipt | undefined>;
  property(shard: number, owner: string, kind: number, name: string): Promise<Buffer | undefined>;
  /** Properties of one kind, ascending by the UTF-8 bytes of their names; all, or at most `limit` after `after`. */
  properties(shard: number, owner: string, kind: number, query?: PropertyQuery): Promise<StoredProperty[]>;
  /**
   * At most `limit` owners of timelines that hold an entry, after `after` (null: from the first), in an order that stays
   * the same: by shard, then by length and bytes of the id. For walks over all of them, a piece at a time.
   */
  users(after: TimelineOwner | null, limit: number): Promise<TimelineOwner[]>;
  /**
   * All outbox records with number > after (default: all numbers), of one destination or all, oldest first per
   * destination, at most `limit` in total (default: no limit).
   */
  outbox(destination?: number, after?: number, limit?: number): Promise<OutboxRecord[]>;
  /** Applied position per source volume. */
  cursors(): Promise<Map<number, number>>;
  close(): Promise<void>;
}

/** An error that says what failed and what to do; `code` is stable. */
export class StoreError extends Error {
  readonly code: 'locked' | 'unwritable' | 'corrupt' | 'full' | 'failed';
  constructor(code: StoreError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.code = code;
  }
}
