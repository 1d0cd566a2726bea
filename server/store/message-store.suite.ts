import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type MessageStore,
  type PropertyQuery,
  type RangeQuery,
  resolveRange,
  type StoreBatch,
  type StoredEntry,
} from './message-store.ts';

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
      expect(await store.head(1, 'nobody')).toEqual({
        seq: 0,
        highestClientId: 0,
        acknowledged: 0,
        trimmed: 0,
        clientIdFloor: 0,
      });
      expect(await store.timeline(1, 'nobody', {})).toEqual([]);
      expect(await store.conversation(1, 'nobody', 'c', {})).toEqual([]);
      expect(await store.findClientId(1, 'nobody', 1)).toBeUndefined();
      expect(await store.receipt(1, 'nobody', 'peer')).toBeUndefined();
      expect(await store.property(1, 'nobody', 1, '')).toBeUndefined();
      expect(await store.properties(1, 'nobody', 1)).toEqual([]);
      expect(await store.users(null, 10)).toEqual([]);
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
      expect(await store.head(s, 'ann')).toMatchObject({ seq: 1, highestClientId: 77, acknowledged: 1 });
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
        'x'.repeat(65),
        'x'.repeat(64),
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
        expect(await store.head(s, user)).toMatchObject({
          seq: u * 10 + 6,
          highestClientId: u + 1,
          acknowledged: u,
        });
        for (const [c, conversation] of conversations.entries()) {
          expect(texts(await store.conversation(s, user, conversation, {}))).toEqual([own[c]]);
        }
      }
    });

    it('refuses ids that are too long and keeps the rest of the batch', async () => {
      const s = nextShard();
      const batch = store.batch();
      const value = Buffer.from('v');
      expect(() => batch.putEntry(s, 'x'.repeat(66), 1, 'c', value)).toThrow(RangeError);
      expect(() => batch.putEntry(s, 'é'.repeat(33), 1, 'c', value)).toThrow(RangeError);
      expect(() => batch.putEntry(s, 'ann', 1, 'c'.repeat(66), value)).toThrow(RangeError);
      expect(() => batch.putEntry(s, 'x'.repeat(66), 1, null, value)).toThrow(RangeError);
      expect(() => batch.putReceipt(s, 'ann', 'p'.repeat(66), { delivered: 1 })).toThrow(RangeError);
      expect(() => batch.deleteEntry(s, 'x'.repeat(66), 1, 'c', 1)).toThrow(RangeError);
      expect(() => batch.deleteEntry(s, 'ann', 1, 'c'.repeat(66), 1)).toThrow(RangeError);
      expect(() => batch.putTrimmed(s, 'x'.repeat(66), 1, 1)).toThrow(RangeError);
      expect(() => batch.putProperty(s, 'x'.repeat(66), 1, 'n', value)).toThrow(RangeError);
      expect(() => batch.putProperty(s, 'ann', 1, 'n'.repeat(65), value)).toThrow(RangeError);
      expect(() => batch.putProperty(s, 'ann', 256, 'n', value)).toThrow(RangeError);
      expect(() => batch.deleteProperty(s, 'ann', 1, 'é'.repeat(33))).toThrow(RangeError);
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

    it('keeps an entry of no conversation in the timeline only', async () => {
      const s = nextShard();
      const batch = store.batch();
      batch.putEntry(s, 'ann', 1, null, Buffer.from('to a group'));
      batch.putEntry(s, 'ann', 2, '', Buffer.from('to nobody'));
      expect(batch.size).toBe(2);
      await store.commit(batch);
      expect(texts(await store.timeline(s, 'ann', {}))).toEqual([
        [1, 'to a group'],
        [2, 'to nobody'],
      ]);
      expect(texts(await store.conversation(s, 'ann', '', {}))).toEqual([[2, 'to nobody']]);
    });

    it('removes entries with all that belongs to them, and numbers on', async () => {
      const s = nextShard();
      const batch = store.batch();
      for (let seq = 1; seq <= 6; seq++) {
        batch.putEntry(s, 'ann', seq, seq % 2 === 0 ? 'c' : null, Buffer.from(`${seq}`));
        batch.putClientId(s, 'ann', seq * 10, seq);
      }
      batch.putEntry(s, 'anne', 1, 'c', Buffer.from('other'));
      batch.putClientId(s, 'anne', 10, 1);
      await store.commit(batch);

      const removal = store.batch();
      for (let seq = 1; seq <= 4; seq++) removal.deleteEntry(s, 'ann', seq, seq % 2 === 0 ? 'c' : null, seq * 10);
      removal.deleteEntry(s, 'ann', 99, null, null);
      removal.putTrimmed(s, 'ann', 4, 40);
      expect(removal.size).toBe(6);
      await store.commit(removal);
      expect((await store.timeline(s, 'ann', {})).map((e) => e.seq)).toEqual([5, 6]);
      expect(texts(await store.conversation(s, 'ann', 'c', {}))).toEqual([[6, '6']]);
      expect(await store.findClientId(s, 'ann', 40)).toBeUndefined();
      expect(await store.findClientId(s, 'ann', 50)).toBe(5);
      const head = { seq: 6, highestClientId: 60, acknowledged: 0 };
      expect(await store.head(s, 'ann')).toEqual({ ...head, trimmed: 4, clientIdFloor: 40 });

      const rest = store.batch();
      rest.deleteEntry(s, 'ann', 5, null, 50);
      rest.deleteEntry(s, 'ann', 6, 'c', 60);
      rest.putTrimmed(s, 'ann', 6, 60);
      await store.commit(rest);
      expect(await store.timeline(s, 'ann', {})).toEqual([]);
      expect(await store.conversation(s, 'ann', 'c', {})).toEqual([]);
      expect(await store.head(s, 'ann')).toEqual({ ...head, trimmed: 6, clientIdFloor: 60 });
      await put(store, s, 'ann', [7]);
      expect((await store.head(s, 'ann')).seq).toBe(7);
      expect(texts(await store.timeline(s, 'ann', {}))).toEqual([[7, '7']]);
      expect(texts(await store.conversation(s, 'anne', 'c', {}))).toEqual([[1, 'other']]);
      expect(await store.findClientId(s, 'anne', 10)).toBe(1);
    });

    it('keeps properties by owner, kind and name, and lists them in the order of their bytes', async () => {
      const s = nextShard();
      // In UTF-16 the last two are the other way round.
      const names = ['', 'a', 'aa', 'ab', 'b', 'x'.repeat(64), 'é', '\uFF61', '\u{1F600}'];
      const batch = store.batch();
      const value = Buffer.from('value');
      for (const name of [...names].reverse()) batch.putProperty(s, 'ann', 2, name, value);
      batch.putProperty(s, 'ann', 1, 'z', Buffer.from('below'));
      batch.putProperty(s, 'ann', 3, 'a', Buffer.from('above'));
      batch.putProperty(s, 'ann', 255, 'z', Buffer.from('last'));
      batch.putProperty(s, 'ann\u0002', 2, 'a', Buffer.from('other owner'));
      batch.putProperty(s, `\u0001${'g'.repeat(64)}`, 0, '', Buffer.alloc(0));
      batch.putProperty(0xffff, 'ann', 2, `of ${s}`, Buffer.from('volume'));
      await store.commit(batch);
      value.fill(0);
      const listed = await store.properties(s, 'ann', 2);
      expect(listed.map(({ name }) => name)).toEqual(names);
      expect(listed.every((one) => one.value.toString() === 'value')).toBe(true);
      const select = async (query: PropertyQuery) =>
        (await store.properties(s, 'ann', 2, query)).map(({ name }) => name);
      expect(await select({ after: '' })).toEqual(names.slice(1));
      expect(await select({ after: 'a', limit: 2 })).toEqual(['aa', 'ab']);
      expect(await select({ after: 'aaa' })).toEqual(names.slice(3));
      expect(await select({ after: '\u{1F600}' })).toEqual([]);
      expect(await select({ limit: 0 })).toEqual([]);
      expect(await select({ limit: 1 })).toEqual(['']);
      expect((await store.property(s, 'ann', 3, 'a'))?.toString()).toBe('above');
      expect((await store.properties(s, 'ann', 255)).map(({ name }) => name)).toEqual(['z']);
      expect(await store.property(s, `\u0001${'g'.repeat(64)}`, 0, '')).toEqual(Buffer.alloc(0));
      expect((await store.property(0xffff, 'ann', 2, `of ${s}`))?.toString()).toBe('volume');

      const change = store.batch();
      change.deleteProperty(s, 'ann', 2, 'aa');
      change.deleteProperty(s, 'ann', 2, 'never there');
      change.putProperty(s, 'ann', 2, 'a', Buffer.from('new'));
      expect(change.size).toBe(3);
      await store.commit(change);
      expect(await select({ after: '', limit: 2 })).toEqual(['a', 'ab']);
      expect((await store.property(s, 'ann', 2, 'a'))?.toString()).toBe('new');
      expect(await store.property(s, 'ann', 2, 'aa')).toBeUndefined();
      expect(await store.head(s, 'ann')).toMatchObject({ seq: 0, highestClientId: 0 });
    });

    it('walks over the owners of timelines, a piece at a time', async () => {
      const first = nextShard();
      const second = nextShard();
      const owners = [
        { shard: first, user: 'b' },
        { shard: first, user: '\u0001a' },
        { shard: first, user: 'aa' },
        { shard: first, user: 'é' },
        { shard: second, user: 'a' },
        { shard: second, user: 'x'.repeat(65) },
      ];
      const batch = store.batch();
      for (const { shard: s, user } of [...owners].reverse()) {
        for (let seq = 1; seq <= 3; seq++) batch.putEntry(s, user, seq, 'c', Buffer.from('v'));
      }
      // These have no timeline; some are before, some behind one in the order of keys.
      for (const s of [first, second]) {
        batch.putProperty(s, 'a1', 1, 'group', Buffer.alloc(1));
        batch.putReceipt(s, 'a2', 'peer', { delivered: 1 });
        batch.putTrimmed(s, 'a3', 7, 0);
        batch.putAcknowledged(s, 'aa', 1);
        batch.putProperty(s, 'aa', 1, 'group', Buffer.alloc(1));
      }
      batch.putEntry(second, 'gone', 1, 'c', Buffer.from('v'));
      batch.deleteEntry(second, 'gone', 1, 'c', null);
      batch.putTrimmed(second, 'gone', 1, 0);
      await store.commit(batch);
      for (const limit of [1, 2, 4, 100]) {
        const walked = [];
        let after: { shard: number; user: string } | null = { shard: first - 1, user: '\uFFFF'.repeat(21) };
        for (;;) {
          const piece = await store.users(after, limit);
          expect(piece.length).toBeLessThanOrEqual(limit);
          walked.push(...piece);
          if (piece.length === 0) break;
          after = piece.at(-1)!;
        }
        // Other tests have put users on later shards.
        expect(walked.filter(({ shard: s }) => s <= second)).toEqual(owners);
      }
      expect(await store.users(null, 0)).toEqual([]);
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
              else if (one.kind === 'acknowledged') batch.putAcknowledged(s, one.user, one.n);
              else if (one.kind === 'property') batch.putProperty(s, one.user, one.to, one.text, Buffer.from(one.text));
              else if (one.kind === 'no-property') batch.deleteProperty(s, one.user, one.to, one.text);
              else trim(batch, s, one.user, one.n, model);
              model.apply(one);
            }
            return store.commit(batch);
          });
          await Promise.all(commits);
          for (const user of USERS) {
            expect(await store.head(s, user)).toEqual(model.head(user));
            for (const n of NUMBERS) expect(await store.findClientId(s, user, n)).toBe(model.clientIds(user).get(n));
            for (let kind = 0; kind < 10; kind++) {
              const names = (await store.properties(s, user, kind)).map(({ name }) => name);
              expect(names).toEqual(model.names(user, kind));
            }
          }
          const owners = await store.users({ shard: s - 1, user: '\uFFFF'.repeat(21) }, 100);
          expect(
            owners
              .filter((one) => one.shard === s)
              .map(({ user }) => user)
              .sort(),
          ).toEqual(model.owners().sort());
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
        batch.deleteEntry(1, 'ann', 1, 'c', null);
        batch.putTrimmed(1, 'ann', 1, 8);
        batch.putProperty(1, 'ann', 7, 'n', Buffer.from('p'));
        const unawaited = first.commit(batch);
        await first.close();
        await unawaited;
        await expect(first.head(1, 'ann')).rejects.toThrow(/is closed/);
        await expect(first.commit(first.batch())).rejects.toThrow(/is closed/);
        await first.close();

        const second = await own.open();
        const kept = capabilities.persistent;
        expect(second.createdEmpty).toBe(!kept);
        const { seq, trimmed, clientIdFloor } = await second.head(1, 'ann');
        expect([seq, trimmed, clientIdFloor]).toEqual(kept ? [3, 1, 8] : [0, 0, 0]);
        expect(await second.properties(1, 'ann', 7)).toHaveLength(kept ? 1 : 0);
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
  kind: 'entry' | 'client-id' | 'acknowledged' | 'trim' | 'property' | 'no-property';
  user: string;
  n: number;
  to: number;
  text: string;
}

const putArbitrary: fc.Arbitrary<ModelPut> = fc.record({
  kind: fc.constantFrom('entry', 'entry', 'client-id', 'acknowledged', 'trim', 'property', 'property', 'no-property'),
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
    USERS.map((user) => [
      user,
      {
        texts: new Map<number, string>(),
        ids: new Map<number, number>(),
        properties: new Set<string>(),
        acknowledged: 0,
        trimmed: 0,
      },
    ]),
  );

  apply({ kind, user, n, to, text }: ModelPut): void {
    const state = this.#users.get(user)!;
    if (kind === 'entry') state.texts.set(n, text);
    else if (kind === 'client-id') state.ids.set(n, to);
    else if (kind === 'acknowledged') state.acknowledged = n;
    else if (kind === 'property') state.properties.add(`${to}${text}`);
    else if (kind === 'no-property') state.properties.delete(`${to}${text}`);
    else {
      state.trimmed = Math.max(state.trimmed, n);
      for (const seq of [...state.texts.keys()]) if (seq <= state.trimmed) state.texts.delete(seq);
      for (const id of [...state.ids.keys()]) if (id <= state.trimmed) state.ids.delete(id);
    }
  }

  clientIds(user: string): Map<number, number> {
    return this.#users.get(user)!.ids;
  }

  sequences(user: string): number[] {
    return [...this.#users.get(user)!.texts.keys()];
  }

  names(user: string, kind: number): string[] {
    const own = [...this.#users.get(user)!.properties].filter((one) => one.startsWith(`${kind}`));
    return own.map((one) => one.slice(1)).sort((a, b) => Buffer.from(a).compare(Buffer.from(b)));
  }

  owners(): string[] {
    return USERS.filter((user) => this.#users.get(user)!.texts.size > 0);
  }

  head(user: string) {
    const { texts, ids, acknowledged, trimmed } = this.#users.get(user)!;
    return {
      seq: Math.max(trimmed, ...texts.keys()),
      highestClientId: Math.max(trimmed, ...ids.keys()),
      acknowledged,
      trimmed,
      clientIdFloor: trimmed,
    };
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

/** As the model's: everything up to `n` goes. */
function trim(batch: StoreBatch, shard: number, user: string, n: number, model: Model): void {
  const upTo = Math.max(n, model.head(user).trimmed);
  for (const seq of model.sequences(user)) {
    if (seq <= upTo) batch.deleteEntry(shard, user, seq, conversationOf(seq), null);
  }
  // An id without an entry: deleting an entry that is not there does no harm.
  for (const id of model.clientIds(user).keys()) if (id <= upTo) batch.deleteEntry(shard, user, 0, null, id);
  batch.putTrimmed(shard, user, upTo, upTo);
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
