/** Short versions of the crash test; `npm run torture` has the long ones. Whole-program: needs `npm run build`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { crashTest } from './crash.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'plimsoll-crash-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const common = { messagesPerSecond: 150, users: 12, say: () => {} };

it('five kills: nothing acknowledged is lost, duplicated or out of order', async () => {
  const result = await crashTest({ ...common, folder, seed: 5, kills: 5, durability: 'fsync', powerCuts: false });
  expect(result.examples).toEqual([]);
  expect(result.kills).toBeGreaterThanOrEqual(5);
  expect(result.acknowledged).toBeGreaterThan(50);
}, 90_000);

it('a power cut: with fsync nothing acknowledged is lost, though what was never synced is', async () => {
  const result = await crashTest({ ...common, folder, seed: 6, kills: 2, durability: 'fsync', powerCuts: true });
  expect(result.examples).toEqual([]);
  expect(result.acknowledged).toBeGreaterThan(50);
}, 90_000);

it('a power cut without fsync loses messages, and the checker sees it', async () => {
  const result = await crashTest({ ...common, folder, seed: 7, kills: 2, durability: 'os', powerCuts: true });
  expect(result.problems.lost).toBeGreaterThan(0);
}, 90_000);
