/** Short versions of the fuzz test; `npm run torture` has the long ones. Whole-program: needs `npm run build`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fuzzCodec } from './fuzz-codec.ts';
import { fuzzShard } from './fuzz-shard.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-fuzz-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('the codec refuses what is malformed and nothing else', () => {
  const { problems, accepted, refused } = fuzzCodec(1, 20_000);
  expect(problems).toEqual([]);
  expect(accepted).toBeGreaterThan(1_000);
  expect(refused).toBeGreaterThan(1_000);
});

it('a live node closes what is malformed, and nobody else notices', async () => {
  const { problems, ends, witnesses } = await fuzzShard({ seed: 1, frames: 15_000, folder, say: () => {} });
  expect(problems).toEqual([]);
  expect(ends['4400']).toBeGreaterThan(100);
  expect(ends.answering).toBeGreaterThan(100);
  expect(witnesses.messages).toBeGreaterThan(20);
}, 90_000);
