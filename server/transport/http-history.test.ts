import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../store/message-store-memory.ts';
import { type Range, type Read, readPage } from './http-history.ts';
import { HttpProblem } from './http-problem.ts';

const COUNT = 777;

async function storeOf(bytes: number, count = COUNT): Promise<Read> {
  const store = openMemoryStore();
  const batch = store.batch();
  for (let seq = 1; seq <= count; seq++) batch.putEntry(78, 'alice', seq, 'bob', Buffer.alloc(bytes));
  await store.commit(batch);
  return (range) => store.timeline(78, 'alice', range);
}

describe('a page of history', () => {
  it.each([
    { limit: 0 },
    { limit: 1 },
    { limit: 100 },
    { limit: 101 },
    { limit: 1_000 },
    { limit: 1_000, after: 5 },
    { limit: 300, after: 5, before: 250 },
    { limit: 250, order: 'newest-first' },
    { limit: 1_000, order: 'newest-first', before: 700 },
    { limit: 200, order: 'newest-first', after: 690, before: 700 },
  ] satisfies Range[])('is what one read of the store would give: %j', async (range) => {
    const read = await storeOf(10);
    const page = await readPage(read, range);
    expect(page).toEqual(range.limit === 0 ? [] : await read(range));
  });

  it.each(['oldest-first', 'newest-first'] as const)(
    'has a bounded size, and the next goes on from it, %s',
    async (order) => {
      const read = await storeOf(40_000);
      const seen: number[] = [];
      for (let range: Range = { limit: 1_000, order }; ; ) {
        const page = await readPage(read, range);
        if (page.length === 0) break;
        expect(page.length).toBeLessThanOrEqual(26);
        seen.push(...page.map(({ seq }) => seq));
        range = order === 'oldest-first' ? { ...range, after: seen.at(-1)! } : { ...range, before: seen.at(-1)! };
      }
      const all = Array.from({ length: COUNT }, (_, i) => i + 1);
      expect(seen).toEqual(order === 'oldest-first' ? all : all.reverse());
    },
  );

  it('has one entry, however large it is', async () => {
    expect(await readPage(await storeOf(1_100_000, 3), { limit: 10 })).toHaveLength(1);
  });

  it('of a store that fails is a problem of 503', async () => {
    const failing = readPage(() => Promise.reject(new Error('disk')), { limit: 10 });
    await expect(failing).rejects.toThrow(HttpProblem);
    await expect(failing).rejects.toMatchObject({ status: 503 });
  });
});
