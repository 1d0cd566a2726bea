import type { PropertyQuery, StoredProperty, StoredReceipt, TimelineOwner } from './message-store.ts';
import { EntryList, ValueSlabs } from './message-store-memory-entries.ts';

export interface UserRecord {
  entries: EntryList;
  conversations: Map<string, EntryList>;
  clientIds: Map<number, number>;
  receipts: Map<string, StoredReceipt>;
  /** By kind. */
  properties: Map<number, PropertyList>;
  highestClientId: number;
  acknowledged: number;
  trimmed: number;
  clientIdFloor: number;
}

/** Everything that a memory store holds. */
export class MemoryState {
  values = new ValueSlabs();
  readonly shards = new Map<number, Map<string, UserRecord>>();
  readonly outbox = new Map<number, Map<number, Buffer>>();
  readonly cursors = new Map<number, number>();

  find(shard: number, user: string): UserRecord | undefined {
    return this.shards.get(shard)?.get(user);
  }

  user(shard: number, user: string): UserRecord {
    const users = getOrAdd(this.shards, shard, () => new Map<string, UserRecord>());
    return getOrAdd(users, user, () => ({
      entries: new EntryList(),
      conversations: new Map(),
      clientIds: new Map(),
      receipts: new Map(),
      properties: new Map(),
      highestClientId: 0,
      acknowledged: 0,
      trimmed: 0,
      clientIdFloor: 0,
    }));
  }

  clear(): void {
    this.values = new ValueSlabs();
    this.shards.clear();
    this.outbox.clear();
    this.cursors.clear();
  }
}

/** Properties of one owner and kind; the order of their names is found when it is asked for. */
export class PropertyList {
  readonly #values = new Map<string, Buffer>();
  #sorted: Array<{ name: string; bytes: Buffer }> | null = null;

  get(name: string): Buffer | undefined {
    return this.#values.get(name);
  }

  put(name: string, value: Buffer): void {
    if (!this.#values.has(name)) this.#sorted = null;
    this.#values.set(name, value);
  }

  delete(name: string): void {
    if (this.#values.delete(name)) this.#sorted = null;
  }

  select({ after, limit = Number.POSITIVE_INFINITY }: PropertyQuery): StoredProperty[] {
    this.#sorted ??= [...this.#values.keys()]
      .map((name) => ({ name, bytes: Buffer.from(name) }))
      .sort((a, b) => a.bytes.compare(b.bytes));
    let from = 0;
    if (after !== undefined) {
      const bound = Buffer.from(after);
      let high = this.#sorted.length;
      while (from < high) {
        const middle = (from + high) >>> 1;
        if (this.#sorted[middle]!.bytes.compare(bound) <= 0) from = middle + 1;
        else high = middle;
      }
    }
    return this.#sorted
      .slice(from, from + Math.max(0, limit))
      .map(({ name }) => ({ name, value: this.#values.get(name)! }));
  }
}

/** As MessageStore.users: only the shards that are reached are put in order. */
export function listUsers(state: MemoryState, after: TimelineOwner | null, limit: number): TimelineOwner[] {
  const found: TimelineOwner[] = [];
  const shards = [...state.shards.keys()].filter((shard) => shard >= (after?.shard ?? 0)).sort((a, b) => a - b);
  for (const shard of shards) {
    const owners = [...state.shards.get(shard)!]
      .filter(([, record]) => !record.entries.isEmpty)
      .map(([user]) => ({ user, bytes: Buffer.from(user) }))
      .sort((a, b) => compareIds(a.bytes, b.bytes));
    const bound = after?.shard === shard ? Buffer.from(after.user) : null;
    for (const { user, bytes } of owners) {
      if (found.length >= limit) return found;
      if (bound === null || compareIds(bytes, bound) > 0) found.push({ shard, user });
    }
  }
  return found;
}

export function getOrAdd<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  let value = map.get(key);
  if (value === undefined) {
    value = create();
    map.set(key, value);
  }
  return value;
}

function compareIds(a: Buffer, b: Buffer): number {
  return a.length - b.length || a.compare(b);
}
