import fc from 'fast-check';
import { expect, test } from 'vitest';
import { logicalShard, shardHash } from './shard-hash.ts';

/** The definition with BigInt, as a second opinion. */
function reference(user: string): number {
  const mask = 0xffff_ffffn;
  let h = 0x811c9dc5n;
  for (const byte of Buffer.from(user)) h = ((h ^ BigInt(byte)) * 0x01000193n) & mask;
  h ^= h >> 16n;
  h = (h * 0x85ebca6bn) & mask;
  h ^= h >> 13n;
  h = (h * 0xc2b2ae35n) & mask;
  h ^= h >> 16n;
  return Number(h);
}

test('known values', () => {
  expect(shardHash('')).toBe(reference(''));
  expect([shardHash('alice'), shardHash('bob'), shardHash('zoë')]).toEqual(PINNED);
});

test('equals the definition for any string', () => {
  fc.assert(fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (user) => shardHash(user) === reference(user)));
});

test('numbered users spread evenly: chi-squared over 1,000 shards within its 5-sigma band', () => {
  const counts = new Array<number>(1000).fill(0);
  const users = 200_000;
  for (let i = 0; i < users; i++) counts[logicalShard(`u${i}`)]!++;
  const mean = users / 1000;
  const chi2 = counts.reduce((sum, n) => sum + (n - mean) ** 2 / mean, 0);
  expect(Math.abs(chi2 - 999)).toBeLessThan(5 * Math.sqrt(2 * 999));
});

const PINNED = [3_927_234_078, 4_183_353_430, 3_896_719_138];
