import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MessageStore, type RangeQuery, resolveRange, type StoredEntry } from './message-store.ts';

/** One place to store: opened as often as wanted, one at a time; `remove` deletes what is left of it. */
export interface StorePlace {
  open(): Promise<MessageStore>;
  remove(): Promise<void>;
}

/** The contract of message-store.ts, for any implementation. `persistent`: what was stored is there after reopening. */
export function describeMessageStore(
  name: string,
  capabilities: { persistent: boolean },
  createPlace: () => Promise<StorePlace>,
): void {
  describe(name, () => {
    let place: StorePlace;
    let store: MessageStore;
    beforeAll(async () => {
      place = await createPlace();
      store = await place.open();
    });
    afterAll(async () => {
      await store.close();
      await place.remove();
    });

    /** Every test has a logical shard to itself, and so its own users. */
    let shard = 0;
    const nextShard = () => ++shard;

    it('starts empty and knows nothing', async () => {
      expect(store.persistent).toBe(capabilities.persistent);
      expect(store.createdEmpty).toBe(true);
      expect(await store.head(1, 'nobody')).toEqual({ seq: 0, highestClientId: 0, acknowledged: 0 });
      expect(await store.timeline(1, 'nobody', {})).toEqual([]);
      expect(await store.conversation(1, 'nobody', 'c', {})).toEqual([]);
      expect(await store.findClientId(1, 'nobody', 1)).toBeUndefined();
      expect(await store.receipt(1, 'nobody', 'peer')).toBeUndefined();
      expect(await store.outbox()).toEqual([]);
      expect(await store.cursors()).toEqual(new Map());
    });

    it('gives back what was put, whatever the caller does to its buffers after commit was called', async () => {
      const s = nextShard();
      const batch = store.batch();
      const value = Buffer.from('hello');
      batch.putEntry(s, 'ann', 1, 'bob', value);
      batch.putClientId(s, 'ann', 77, 1);
      batch.putAcknowledged(s, 'ann', 1);
      batch.putReceipt(s, 'ann', 'bob', { delivered: 9 });
      expect(batch.size).toBe(4);
      const before = batch.bytes;
      batch.putOutbox(s, 1, Buffer.alloc(1_000));
      expect(batch.bytes - before).toBeGreaterThan(1_000);
      expect(batch.bytes - before).toBeLessThan(2_000);
      const committed = store.commit(batch);
      value.fill(0);
      await committed;
      expect(texts(await store.timeline(s, 'ann', {}))).toEqual([[1, 'hello']]);
      expect(texts(await store.conversation(s, 'ann', 'bob', {}))).toEqual([[1, 'hello']]);
      expect(await store.findClientId(s, 'ann', 77)).toBe(1);
      expect(await store.findClientId(s, 'ann', 76)).toBeUndefined();
      expect(await store.receipt(s, 'ann', 'bob')).toEqual({ delivered: 9 });
      expect(await store.head(s, 'ann')).toEqual({ seq: 1, highestClientId: 77, acknowledged: 1 });
    });

    it('takes an empty batch and an empty value', async () => {
      const s = nextShard();
      await store.commit(store.batch());
      await put(store, s, 'ann', [1], () => '');
      expect(texts(await store.timeline(s, 'ann', {}))).toEqual([[1, '']]);
    });

    it('refuses to change or repeat a committed batch', async () => {
      const batch = store.batch();
      batch.putCursor(900, 1);
      const committed = store.commit(batch);
      expect(() => batch.putCursor(900, 2)).toThrow(/was committed/);
      await committed;
      expect(() => batch.putCursor(900, 2)).toThrow(/was committed/);
      expect((await store.cursors()).get(900)).toBe(1);
    });

    it('applies batches in the order of their commit calls', async () => {
      const s = nextShard();
      const commits: Promise<void>[] = [];
      for (let i = 1; i <= 200; i++) {
        const batch = store.batch();
        batch.putAcknowledged(s, 'ann', i);
        if (i % 2 === 0) batch.deleteOutbox(s, 1);
        else batch.putOutbox(s, 1, Buffer.from(`${i}`));
        commits.push(store.commit(batch));
      }
      await Promise.all(commits);
      expect((await store.head(s, 'ann')).acknowledged).toBe(200);
      expect(await store.outbox(s)).toEqual([]);
    });

    it('resolves commits in order, each visible at once to every read', async () => {
      const s = nextShard();
      const order: number[] = [];
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          await put(store, s, 'ann', [i + 1]);
          order.push(i + 1);
          const [head, newest] = await Promise.all([
            store.head(s, 'ann'),
            store.timeline(s, 'ann', { order: 'newest-first', limit: 1 }),
          ]);
          expect(head.seq).toBeGreaterThanOrEqual(i + 1);
          expect(newest[0]?.seq).toBeGreaterThanOrEqual(i + 1);
        }),
      );
      expect(order).toEqual([...order].sort((a, b) => a - b));
    });

    it('selects by after, before, order and limit', async () => {
      const s = nextShard();
      await put(store, s, 'ann', range(1, 250));
      const seqs = async (query: RangeQuery) => (await store.timeline(s, 'ann', query)).map((entry) => entry.seq);
      expect(await seqs({})).toEqual(range(1, 100));
      expect(await seqs({ after: 240 })).toEqual(range(241, 250));
      expect(await seqs({ after: 250 })).toEqual([]);
      expect(await seqs({ after: 10, before: 13 })).toEqual([11, 12]);
      expect(await seqs({ after: 10, before: 11 })).toEqual([]);
      expect(await seqs({ before: 1 })).toEqual([]);
      expect(await seqs({ order: 'newest-first', limit: 3 })).toEqual([250, 249, 248]);
      expect(await seqs({ order: 'newest-first', before: 5 })).toEqual([4, 3, 2, 1]);
      expect(await seqs({ after: 3, before: 9, limit: 2 })).toEqual([4, 5]);
      expect(await seqs({ after: 3, before: 9, limit: 2, order: 'newest-first' })).toEqual([8, 7]);
      expect(await seqs({ limit: 0 })).toEqual([]);
      expect(await seqs({ limit: 1000 })).toEqual(range(1, 250));
    });

    it('reads ranges of large entries whole', async () => {
      const s = nextShard();
      await put(store, s, 'ann', range(1, 40), (seq) => String(seq % 10).repeat(60_000));
      const entries = await store.timeline(s, 'ann', {});
      expect(entries.map((entry) => entry.seq)).toEqual(range(1, 40));
      expect(entries.every(({ seq, value }) => value.length === 60_000 && value[0] === 48 + (seq % 10))).toBe(true);
      expect(await store.conversation(s, 'ann', 'c', { order: 'newest-first', limit: 30 })).toHaveLength(30);
    });

    it('keeps users and conversations with similar names apart', async () => {
      const s = nextShard();
      const users = [
        'a',
        'ab',
        'a\u0000',
        'a\u0001',
        '',
        'A',
        'é',
        'x'.repeat(64),
        'x'.repeat(63),
        '\u{1F600}'.repeat(16),
      ];
      const conversations = ['a', 'ab', 'a\u0000', '', 'y'.repeat(65), 'y'.repeat(64)];
      const batch = store.batch();
      for (const [u, user] of users.entries()) {
        for (const [c, conversation] of conversations.entries()) {
          batch.putEntry(s, user, u * 10 + c + 1, conversation, Buffer.from(`${user}/${conversation}`));
        }
        batch.putClientId(s, user, u + 1, u);
        batch.putAcknowledged(s, user, u);
      }
      batch.putEntry(s + 500, 'a', 999, 'a', Buffer.from('other shard'));
      await store.commit(batch);
      for (const [u, user] of users.entries()) {
        const own = conversations.map((conversation, c) => [u * 10 + c + 1, `${user}/${conversation}`]);
        expect(texts(await store.timeline(s, user, {}))).toEqual(own);
        expect(await store.head(s, user)).toEqual({ seq: u * 10 + 6, highestClientId: u + 1, acknowledged: u });
        for (const [c, conversation] of conversations.entries()) {
          expect(texts(await store.conversation(s, user, conversation, {}))).toEqual([own[c]]);
        }
      }
    });

    it('refuses ids that are too long and keeps the rest of the batch', async () => {
      const s = nextShard();
      const batch = store.batch();
      const value = Buffer.from('v');
      expect(() => batch.putEntry(s, 'x'.repeat(65), 1, 'c', value)).toThrow(RangeError);
      expect(() => batch.putEntry(s, 'é'.repeat(33), 1, 'c', value)).toThrow(RangeError);
      expect(() => batch.putEntry(s, 'ann', 1, 'c'.repeat(66), value)).toThrow(RangeError);
      expect(() => batch.putReceipt(s, 'ann', 'p'.repeat(65), { delivered: 1 })).toThrow(RangeError);
      expect(batch.size).toBe(0);
      batch.putEntry(s, 'ann', 2, 'c', value);
      await store.commit(batch);
      expect(texts(await store.timeline(s, 'ann', {}))).toEqual([[2, 'v']]);
    });

    it('orders numbers beyond 2^32, up to 2^53 - 1', async () => {
      const s = nextShard();
      const seqs = [1, 255, 256, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40, Number.MAX_SAFE_INTEGER];
      await put(store, s, 'ann', seqs);
      const batch = store.batch();
      for (const id of seqs) batch.putClientId(s, 'ann', id, id - 1);
      await store.commit(batch);
      expect((await store.timeline(s, 'ann', {})).map((entry) => entry.seq)).toEqual(seqs);
      expect((await store.timeline(s, 'ann', { after: 2 ** 32 - 1, limit: 2 })).map((e) => e.seq)).toEqual([
        2 ** 32,
        2 ** 32 + 1,
      ]);
      for (const id of seqs) expect(await store.findClientId(s, 'ann', id)).toBe(id - 1);
      const { seq, highestClientId } = await store.head(s, 'ann');
      expect([seq, highestClientId]).toEqual([Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]);
    });

    it('keeps the highest client id when a lower one comes later', async () => {
      const s = nextShard();
      for (const id of [5, 9, 7]) {
        const batch = store.batch();
        batch.putClientId(s, 'ann', id, id * 2);
        await store.commit(batch);
      }
      expect((await store.head(s, 'ann')).highestClientId).toBe(9);
      expect(await store.findClientId(s, 'ann', 7)).toBe(14);
    });

    it('lists the outbox by destination and number, and forgets what was deleted', async () => {
      const to = [7001, 7002];
      const batch = store.batch();
      for (const number of [1, 2, 10, 256, 2 ** 32 + 5]) {
        for (const destination of to) batch.putOutbox(destination, number, Buffer.from(`${destination}:${number}`));
      }
      batch.deleteOutbox(7001, 2);
      await store.commit(batch);
      const numbers = async (...args: Parameters<MessageStore['outbox']>) =>
        (await store.outbox(...args)).filter((r) => to.includes(r.destination)).map((r) => [r.destination, r.number]);
      expect((await store.outbox(7001)).map((record) => record.value.toString())).toEqual([
        '7001:1',
        '7001:10',
        '7001:256',
        `7001:${2 ** 32 + 5}`,
      ]);
      expect(await numbers(7002, 2, 2)).toEqual([
        [7002, 10],
        [7002, 256],
      ]);
      expect(await numbers(undefined, 256)).toEqual(to.map((destination) => [destination, 2 ** 32 + 5]));
      expect(await numbers()).toHaveLength(9);
      expect(await store.outbox(undefined, undefined, 3)).toHaveLength(3);
      expect(await store.outbox(7003)).toEqual([]);
    });

    it('keeps the last cursor of each source', async () => {
      for (const number of [1, 2 ** 33]) {
        const batch = store.batch();
        batch.putCursor(801, number);
        batch.putCursor(802, number + 1);
        await store.commit(batch);
      }
      const cursors = await store.cursors();
      expect([cursors.get(801), cursors.get(802)]).toEqual([2 ** 33, 2 ** 33 + 1]);
    });

    it('serves many reads at once, while it writes', async () => {
      const s = nextShard();
      const users = range(1, 300).map((i) => `user-${i}`);
      const batch = store.batch();
      for (const [i, user] of users.entries()) {
        for (let seq = 1; seq <= (i % 5) + 1; seq++) batch.putEntry(s, user, seq, 'c', Buffer.from(user));
        batch.putClientId(s, user, i + 1, 1);
      }
      await store.commit(batch);
      const writes = range(1, 50).map((seq) => put(store, s, 'writer', [seq]));
      const heads = await Promise.all([...users, ...users].map((user) => store.head(s, user)));
      expect(heads.slice(0, 300).map((head) => head.seq)).toEqual(users.map((_, i) => (i % 5) + 1));
      expect(heads.slice(300).map((head) => head.highestClientId)).toEqual(range(1, 300));
      const lists = await Promise.all(users.map((user) => store.conversation(s, user, 'c', {})));
      expect(lists.every((list, i) => list.length === (i % 5) + 1)).toBe(true);
      await Promise.all(writes);
    });

    it('agrees with a plain model', async () => {
      await fc.assert(
        fc.asyncProperty(batchesArbitrary, queriesArbitrary, async (batches, queries) => {
          const s = nextShard();
          const model = new Model();
          const commits = batches.map((puts) => {
            const batch = store.batch();
            for (const one of puts) {
              if (one.kind === 'entry')
                batch.putEntry(s, one.user, one.n, conversationOf(one.n), Buffer.from(one.text));
              else if (one.kind === 'client-id') batch.putClientId(s, one.user, one.n, one.to);
              else batch.putAcknowledged(s, one.user, one.n);
              model.apply(one);
            }
            return store.commit(batch);
          });
          await Promise.all(commits);
          for (const user of USERS) {
            expect(await store.head(s, user)).toEqual(model.head(user));
            for (const n of NUMBERS) expect(await store.findClientId(s, user, n)).toBe(model.clientIds(user).get(n));
          }
          for (const { user, query, conversation } of queries) {
            expect(texts(await store.timeline(s, user, query))).toEqual(model.select(user, query));
            expect(texts(await store.conversation(s, user, conversation, query))).toEqual(
              model.select(user, query, conversation),
            );
          }
        }),
        { numRuns: 200 },
      );
    });

    it(`${capabilities.persistent ? 'keeps everything' : 'forgets everything'} over a reopening`, async () => {
      const own = await createPlace();
      try {
        const first = await own.open();
        await put(first, 1, 'ann', [1, 2, 3]);
        const batch = first.batch();
        batch.putOutbox(3, 4, Buffer.from('x'));
        batch.putCursor(5, 6);
        const unawaited = first.commit(batch);
        await first.close();
        await unawaited;
        await expect(first.head(1, 'ann')).rejects.toThrow(/is closed/);
        await expect(first.commit(first.batch())).rejects.toThrow(/is closed/);
        await first.close();

        const second = await own.open();
        const kept = capabilities.persistent;
        expect(second.createdEmpty).toBe(!kept);
        expect((await second.head(1, 'ann')).seq).toBe(kept ? 3 : 0);
        expect(await second.outbox()).toHaveLength(kept ? 1 : 0);
        expect([...(await second.cursors())]).toEqual(kept ? [[5, 6]] : []);
        await second.close();
      } finally {
        await own.remove();
      }
    });
  });
}

const USERS = ['a', 'ab', 'a\u0000', 'b'];
const CONVERSATIONS = ['c', 'cd', 'c\u0000'];
const NUMBERS = [1, 2, 3, 4, 5, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];

interface ModelPut {
  kind: 'entry' | 'client-id' | 'acknowledged';
  user: string;
  n: number;
  to: number;
  text: string;
}

const putArbitrary: fc.Arbitrary<ModelPut> = fc.record({
  kind: fc.constantFrom('entry', 'entry', 'client-id', 'acknowledged'),
  user: fc.constantFrom(...USERS),
  n: fc.constantFrom(...NUMBERS),
  to: fc.nat(9),
  text: fc.string({ maxLength: 3 }),
});
const batchesArbitrary = fc.array(fc.array(putArbitrary, { maxLength: 10 }), { maxLength: 6 });
const boundArbitrary = fc.option(fc.constantFrom(0, ...NUMBERS), { nil: null });
const queriesArbitrary = fc.array(
  fc
    .record({
      user: fc.constantFrom(...USERS),
      conversation: fc.constantFrom(...CONVERSATIONS),
      after: boundArbitrary,
      before: boundArbitrary,
      order: fc.constantFrom('oldest-first' as const, 'newest-first' as const),
      limit: fc.constantFrom(0, 1, 3, 100),
    })
    .map(({ user, conversation, after, before, order, limit }) => ({
      user,
      conversation,
      query: { order, limit, ...(after !== null && { after }), ...(before !== null && { before }) },
    })),
  { minLength: 1, maxLength: 5 },
);

/** An entry's conversation follows from its sequence: writing an entry again does not move it. */
function conversationOf(seq: number): string {
  return CONVERSATIONS[seq % CONVERSATIONS.length]!;
}

class Model {
  readonly #users = new Map(
    USERS.map((user) => [user, { texts: new Map<number, string>(), ids: new Map<number, number>(), acknowledged: 0 }]),
  );

  apply({ kind, user, n, to, text }: ModelPut): void {
    const state = this.#users.get(user)!;
    if (kind === 'entry') state.texts.set(n, text);
    else if (kind === 'client-id') state.ids.set(n, to);
    else state.acknowledged = n;
  }

  clientIds(user: string): Map<number, number> {
    return this.#users.get(user)!.ids;
  }

  head(user: string) {
    const { texts, ids, acknowledged } = this.#users.get(user)!;
    return { seq: Math.max(0, ...texts.keys()), highestClientId: Math.max(0, ...ids.keys()), acknowledged };
  }

  select(user: string, query: RangeQuery, conversation?: string): [number, string][] {
    const after = query.after ?? -1;
    const before = query.before ?? Number.POSITIVE_INFINITY;
    const found = [...this.#users.get(user)!.texts]
      .filter(([seq]) => seq > after && seq < before)
      .filter(([seq]) => conversation === undefined || conversationOf(seq) === conversation)
      .sort(([a], [b]) => (query.order === 'newest-first' ? b - a : a - b));
    return found.slice(0, resolveRange(query).limit);
  }
}

function put(
  store: MessageStore,
  shard: number,
  user: string,
  seqs: number[],
  text: (seq: number) => string = String,
): Promise<void> {
  const batch = store.batch();
  for (const seq of seqs) batch.putEntry(shard, user, seq, 'c', Buffer.from(text(seq)));
  return store.commit(batch);
}

function texts(entries: StoredEntry[]): [number, string][] {
  return entries.map(({ seq, value }) => [seq, value.toString()]);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
