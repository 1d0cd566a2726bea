import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assign, LOGICAL_SHARDS, logicalShard, rebalance, volumeRange, volumeTable } from './shard-map.ts';

const volumeCounts = fc.integer({ min: 1, max: LOGICAL_SHARDS });

test('users stand on the logical shards that PROTOCOL.md names', () => {
  expect([logicalShard('alice'), logicalShard('bob'), logicalShard('zoë')]).toEqual([78, 430, 138]);
});

test('a few splits, shard by shard', () => {
  expect(volumeRange(0, 1)).toEqual({ from: 0, to: 999 });
  expect([0, 1, 2].map((volume) => volumeRange(volume, 3))).toEqual([
    { from: 0, to: 332 },
    { from: 333, to: 665 },
    { from: 666, to: 999 },
  ]);
  expect(volumeRange(999, 1000)).toEqual({ from: 999, to: 999 });
});

test('the ranges of any number of volumes cover 0 to 999 exactly, and differ by one at most', () => {
  fc.assert(
    fc.property(volumeCounts, (volumes) => {
      const ranges = Array.from({ length: volumes }, (_, volume) => volumeRange(volume, volumes));
      expect(ranges[0]!.from).toBe(0);
      expect(ranges.at(-1)!.to).toBe(LOGICAL_SHARDS - 1);
      for (let volume = 1; volume < volumes; volume++) expect(ranges[volume]!.from).toBe(ranges[volume - 1]!.to + 1);
      const sizes = ranges.map(({ from, to }) => to - from + 1);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});

test('the table says the same as the ranges', () => {
  fc.assert(
    fc.property(volumeCounts, (volumes) => {
      const table = volumeTable(volumes);
      expect(table).toHaveLength(LOGICAL_SHARDS);
      for (let volume = 0; volume < volumes; volume++) {
        const { from, to } = volumeRange(volume, volumes);
        expect([table[from], table[to]]).toEqual([volume, volume]);
      }
    }),
  );
});

test.each([0, -1, 1.5, 1001, Number.NaN])('a table of %d volumes is refused', (volumes) => {
  expect(() => volumeTable(volumes)).toThrow(RangeError);
});

const ownerSets = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 24 });
const itemCounts = fc.oneof(fc.integer({ min: 0, max: 120 }), fc.constant(LOGICAL_SHARDS));
const sharesOf = (table: number[], owners: number[]) =>
  owners.map((owner) => table.filter((candidate) => candidate === owner).length);
const moved = (before: number[], after: number[]) => [...before.keys()].filter((item) => before[item] !== after[item]);

/** Everybody owns something or nobody has more than one item: shares differ by one at most, and each item has one owner. */
function expectBalance(table: number[], owners: number[]): void {
  for (const owner of table) expect(owners).toContain(owner);
  const shares = sharesOf(table, owners);
  expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
}

describe('ownership', () => {
  test('of a fresh node goes round', () => {
    expect(assign(7, [0, 1, 2])).toEqual([0, 1, 2, 0, 1, 2, 0]);
    expect(assign(2, [5])).toEqual([5, 5]);
  });

  test('a few moves, item by item', () => {
    expect(rebalance([0, 1, 2, 0, 1, 2], [0, 2])).toEqual([0, 0, 2, 0, 2, 2]);
    expect(rebalance([0, 0, 2, 0, 2, 2], [0, 1, 2])).toEqual([0, 0, 2, 1, 2, 1]);
    expect(rebalance([0, 1], [0])).toEqual([0, 0]);
    expect(rebalance([], [3])).toEqual([]);
  });

  test('needs somebody', () => {
    expect(() => assign(3, [])).toThrow(RangeError);
    expect(() => rebalance([0], [])).toThrow(RangeError);
  });

  test('is balanced, whatever the table was and whoever is there', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 200 }), ownerSets, (table, owners) => {
        expectBalance(rebalance(table, owners), owners);
      }),
    );
    fc.assert(fc.property(itemCounts, ownerSets, (items, owners) => expectBalance(assign(items, owners), owners)));
  });

  test('moves only what must move: any balanced table would have needed at least as many moves', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 120 }), ownerSets, (table, owners) => {
        // At least: what the gone had, or what exceeds the largest balanced shares.
        const gone = table.filter((owner) => !owners.includes(owner)).length;
        const least = Math.floor(table.length / owners.length);
        const larger = table.length % owners.length;
        const shares = sharesOf(table, owners).sort((a, b) => b - a);
        const excess = shares.map((share, i) => Math.max(share - least - (i < larger ? 1 : 0), 0));
        const expected = gone + excess.reduce((sum, n) => sum + n, 0);
        expect(moved(table, rebalance(table, owners))).toHaveLength(expected);
      }),
    );
  });

  test('when an owner is added only its share moves, and to it', () => {
    fc.assert(
      fc.property(itemCounts, ownerSets, fc.integer({ min: 61, max: 99 }), (items, owners, added) => {
        const before = rebalance(assign(items, owners), owners);
        const after = rebalance(before, [...owners, added]);
        const moves = moved(before, after);
        for (const item of moves) expect(after[item]).toBe(added);
        expect(moves.length).toBeLessThanOrEqual(Math.ceil(items / (owners.length + 1)));
        expectBalance(after, [...owners, added]);
      }),
    );
  });

  test('when one goes only its items move', () => {
    const several = ownerSets.filter((owners) => owners.length > 1);
    fc.assert(
      fc.property(itemCounts, several, fc.nat(), (items, owners, which) => {
        const gone = owners[which % owners.length]!;
        const left = owners.filter((owner) => owner !== gone);
        const before = assign(items, owners);
        const after = rebalance(before, left);
        expect(moved(before, after)).toEqual([...before.keys()].filter((item) => before[item] === gone));
        expectBalance(after, left);
        // And when it comes back, it takes a share of the same size.
        const back = rebalance(after, owners);
        for (const item of moved(after, back)) expect(back[item]).toBe(gone);
        expectBalance(back, owners);
      }),
    );
  });

  test('stays as it is while nobody comes or goes, and does not depend on the order in which owners are named', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 150 }), ownerSets, (table, owners) => {
        const once = rebalance(table, owners);
        expect(rebalance(once, owners)).toEqual(once);
        expect(rebalance(table, [...owners].reverse())).toEqual(once);
      }),
    );
  });
});

/** χ² of the counts of `users` over the 1,000 logical shards; 999 degrees of freedom: mean 999, deviation √1998 ≈ 44.7. */
function chiSquare(users: Iterable<string>): number {
  const counts = new Array<number>(LOGICAL_SHARDS).fill(0);
  let total = 0;
  for (const user of users) {
    counts[logicalShard(user)]!++;
    total++;
  }
  const expected = total / LOGICAL_SHARDS;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

const SHAPES: Record<string, (i: number) => string> = {
  'plain numbers': (i) => `${i}`,
  'padded numbers': (i) => `${i}`.padStart(12, '0'),
  'numbers in steps of 1,000': (i) => `${i * 1_000}`,
  'names with numbers': (i) => `user${i}`,
  'numbers first': (i) => `${i}@example.org`,
  'telephone numbers': (i) => `+4917${String(10_000_000 + i * 7)}`,
  'UUIDs that count': (i) => `00000000-0000-4000-8000-${i.toString(16).padStart(12, '0')}`,
  'hashes in hex': (i) => createHash('md5').update(`${i}`).digest('hex'),
  'object ids with a common time': (i) => `665f1c2a9b1e8a0012${i.toString(16).padStart(6, '0')}`,
  snowflakes: (i) => `${(1_500_000_000_000n + BigInt(i)) << 22n}`,
  'one letter repeated, then a number': (i) => `${'a'.repeat(40)}${i}`,
  'letters beyond ASCII': (i) => `zoë-Ω-${i}-😀`,
  'two numbers': (i) => `${i % 317}:${Math.floor(i / 317)}`,
};

test.each(Object.keys(SHAPES))('logical shards are hit as chance would have it by %s', (shape) => {
  const users = function* () {
    for (let i = 0; i < 100_000; i++) yield SHAPES[shape]!(i);
  };
  const value = chiSquare(users());
  // Five deviations either way: neither clumped, nor more even than chance, which a broken hash of a counter can be.
  expect(value).toBeGreaterThan(999 - 5 * 44.7);
  expect(value).toBeLessThan(999 + 5 * 44.7);
});

test('users spread over the volumes as chance would: within 5 standard deviations, for any naming', () => {
  const users = 20_000;
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 50 }), fc.stringMatching(/^[a-z@.-]{0,12}$/), (volumes, prefix) => {
      const table = volumeTable(volumes);
      const counts = new Array<number>(volumes).fill(0);
      for (let i = 0; i < users; i++) counts[table[logicalShard(`${prefix}${i}`)]!]!++;
      for (const [volume, count] of counts.entries()) {
        const { from, to } = volumeRange(volume, volumes);
        const share = (to - from + 1) / LOGICAL_SHARDS;
        expect(Math.abs(count - users * share)).toBeLessThan(5 * Math.sqrt(users * share * (1 - share)));
      }
    }),
    { numRuns: 40, seed: 7 },
  );
});
