import {
  MAX_CONVERSATION_BYTES,
  MAX_PROPERTY_NAME_BYTES,
  MAX_USER_BYTES,
  type MessageStore,
  type OutboxRecord,
  type StoreBatch,
  type StoredReceipt,
  StoreError,
} from './message-store.ts';
import { EntryList } from './message-store-memory-entries.ts';
import { getOrAdd, listUsers, MemoryState, PropertyList } from './message-store-memory-state.ts';

/** A store in this process's memory: for tests and for measuring what the disk costs. Forgets everything at `close`. */
export function openMemoryStore(): MessageStore {
  const state = new MemoryState();
  let closed = false;

  async function read<T>(work: () => T): Promise<T> {
    if (closed) throw new StoreError('failed', 'The message store is closed: open it again.');
    return work();
  }

  return {
    persistent: false,
    createdEmpty: true,
    batch: () => new MemoryBatch(state.values),
    commit: (batch) => read(() => (batch as MemoryBatch).applyTo(state)),
    head: (shard, user) =>
      read(() => {
        const record = state.find(shard, user);
        return {
          seq: Math.max(record?.entries.newest ?? 0, record?.trimmed ?? 0),
          highestClientId: record?.highestClientId ?? 0,
          acknowledged: record?.acknowledged ?? 0,
          trimmed: record?.trimmed ?? 0,
          clientIdFloor: record?.clientIdFloor ?? 0,
        };
      }),
    findClientId: (shard, user, id) => read(() => state.find(shard, user)?.clientIds.get(id)),
    timeline: (shard, user, query) => read(() => state.find(shard, user)?.entries.select(query, state.values) ?? []),
    conversation: (shard, user, conversation, query) =>
      read(() => state.find(shard, user)?.conversations.get(conversation)?.select(query, state.values) ?? []),
    receipt: (shard, user, peer) => read(() => state.find(shard, user)?.receipts.get(peer)),
    property: (shard, owner, kind, name) => read(() => state.find(shard, owner)?.properties.get(kind)?.get(name)),
    properties: (shard, owner, kind, query = {}) =>
      read(() => state.find(shard, owner)?.properties.get(kind)?.select(query) ?? []),
    users: (after, limit) => read(() => listUsers(state, after, limit)),
    outbox: (destination, after, limit) => read(() => selectOutbox(state, destination, after ?? -1, limit)),
    cursors: () => read(() => new Map(state.cursors)),
    close: async () => {
      closed = true;
      state.clear();
    },
  };
}

/** What an operation takes beside its value, about. */
const OPERATION_BYTES = 100;

/** The operations in order, as closures over copies of what was passed. */
class MemoryBatch implements StoreBatch {
  readonly #values: MemoryState['values'];
  readonly #operations: ((state: MemoryState) => void)[] = [];
  #sealed = false;
  bytes = 0;

  constructor(values: MemoryState['values']) {
    this.#values = values;
  }

  get size(): number {
    return this.#operations.length;
  }

  applyTo(state: MemoryState): void {
    this.#sealed = true;
    for (const operation of this.#operations) operation(state);
  }

  putEntry(shard: number, user: string, seq: number, conversation: string | null, value: Buffer): void {
    checkLength(user, MAX_USER_BYTES);
    if (conversation !== null) checkLength(conversation, MAX_CONVERSATION_BYTES);
    const location = this.#values.append(value);
    this.#add((state) => {
      const record = state.user(shard, user);
      record.entries.put(seq, location);
      if (conversation !== null) {
        getOrAdd(record.conversations, conversation, () => new EntryList()).put(seq, location);
      }
    }, value.length);
  }

  deleteEntry(shard: number, user: string, seq: number, conversation: string | null, clientId: number | null): void {
    checkLength(user, MAX_USER_BYTES);
    if (conversation !== null) checkLength(conversation, MAX_CONVERSATION_BYTES);
    this.#add((state) => {
      const record = state.user(shard, user);
      const location = record.entries.delete(seq);
      if (location !== undefined) state.values.release(location);
      if (clientId !== null) record.clientIds.delete(clientId);
      const list = conversation === null ? undefined : record.conversations.get(conversation);
      list?.delete(seq);
      if (list?.isEmpty) record.conversations.delete(conversation!);
    });
  }

  putTrimmed(shard: number, user: string, trimmed: number, clientIdFloor: number): void {
    checkLength(user, MAX_USER_BYTES);
    this.#add((state) => {
      const record = state.user(shard, user);
      record.trimmed = trimmed;
      record.clientIdFloor = clientIdFloor;
      record.highestClientId = Math.max(record.highestClientId, clientIdFloor);
    });
  }

  putProperty(shard: number, owner: string, kind: number, name: string, value: Buffer): void {
    checkProperty(owner, kind, name);
    const copy = Buffer.from(value);
    this.#add(
      (state) => getOrAdd(state.user(shard, owner).properties, kind, () => new PropertyList()).put(name, copy),
      value.length,
    );
  }

  deleteProperty(shard: number, owner: string, kind: number, name: string): void {
    checkProperty(owner, kind, name);
    this.#add((state) => state.find(shard, owner)?.properties.get(kind)?.delete(name));
  }

  putClientId(shard: number, user: string, id: number, seq: number): void {
    checkLength(user, MAX_USER_BYTES);
    this.#add((state) => {
      const record = state.user(shard, user);
      record.clientIds.set(id, seq);
      record.highestClientId = Math.max(record.highestClientId, id);
    });
  }

  putAcknowledged(shard: number, user: string, seq: number): void {
    checkLength(user, MAX_USER_BYTES);
    this.#add((state) => {
      state.user(shard, user).acknowledged = seq;
    });
  }

  putReceipt(shard: number, user: string, peer: string, receipt: StoredReceipt): void {
    checkLength(user, MAX_USER_BYTES);
    checkLength(peer, MAX_USER_BYTES);
    const { delivered } = receipt;
    this.#add((state) => state.user(shard, user).receipts.set(peer, { delivered }));
  }

  putOutbox(destination: number, number: number, value: Buffer): void {
    const copy = Buffer.from(value);
    this.#add(
      (state) => getOrAdd(state.outbox, destination, () => new Map<number, Buffer>()).set(number, copy),
      copy.length,
    );
  }

  deleteOutbox(destination: number, number: number): void {
    this.#add((state) => state.outbox.get(destination)?.delete(number));
  }

  putCursor(source: number, number: number): void {
    this.#add((state) => state.cursors.set(source, number));
  }

  #add(operation: (state: MemoryState) => void, bytes = 0): void {
    if (this.#sealed) throw new Error('This batch was committed: start a new one.');
    this.#operations.push(operation);
    this.bytes += OPERATION_BYTES + bytes;
  }
}

function selectOutbox(
  state: MemoryState,
  destination: number | undefined,
  after: number,
  limit = Number.POSITIVE_INFINITY,
): OutboxRecord[] {
  const destinations = destination === undefined ? [...state.outbox.keys()].sort((a, b) => a - b) : [destination];
  const records = destinations.flatMap((to) =>
    [...(state.outbox.get(to) ?? [])]
      .filter(([number]) => number > after)
      .sort(([a], [b]) => a - b)
      .map(([number, value]) => ({ destination: to, number, value })),
  );
  return records.slice(0, limit);
}

function checkProperty(owner: string, kind: number, name: string): void {
  checkLength(owner, MAX_USER_BYTES);
  checkLength(name, MAX_PROPERTY_NAME_BYTES);
  if (!Number.isInteger(kind) || kind < 0 || kind > 0xff) throw new RangeError(`There is no property kind ${kind}.`);
}

function checkLength(id: string, maxBytes: number): void {
  // Three bytes at most for each UTF-16 unit: short ids need no count.
  if (id.length * 3 <= maxBytes) return;
  const bytes = Buffer.byteLength(id);
  if (bytes > maxBytes) throw new RangeError(`An id of ${bytes} bytes is too long: at most ${maxBytes} are allowed.`);
}
