import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LOGICAL_SHARDS, logicalShard, volumeRange, volumesOfProcess, volumeTable } from './shard-map.ts';

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

test('any number of processes shares the volumes: each has one owner, and shares differ by one at most', () => {
  const splits = fc.tuple(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 200 })).map(([a, b]) => ({
    volumes: Math.max(a, b),
    processes: Math.min(a, b),
  }));
  fc.assert(
    fc.property(splits, ({ volumes, processes }) => {
      const shares = Array.from({ length: processes }, (_, process) => volumesOfProcess(process, processes, volumes));
      expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: volumes }, (_, volume) => volume));
      const sizes = shares.map((share) => share.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      for (const [process, share] of shares.entries())
        for (const volume of share) expect(volume % processes).toBe(process);
    }),
  );
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
