import { afterEach, expect, it } from 'vitest';
import { DEFAULT_SETTINGS, type ShardConfig } from './config.ts';
import { ShardChild } from './shard-child.ts';

const program = process.execPath;
afterEach(() => {
  process.execPath = program;
});

it.each([
  ['can not be found', '/nowhere/node', /could not be started \(.*ENOENT/],
  ['is refused at once', `/${'x'.repeat(10_000)}`, /could not be started \(.*ENAMETOOLONG/],
])('reports its end once when its program %s', async (_, execPath, sentence) => {
  const ends: Array<[string, boolean]> = [];
  const child = new ShardChild(0, 0, {
    opened: () => {},
    notOpened: () => {},
    released: () => {},
    log: () => {},
    ended: (_child, reason, wasUp) => ends.push([reason, wasUp]),
  });
  process.execPath = execPath;
  const config = { index: 0, settings: DEFAULT_SETTINGS } as ShardConfig;
  await expect(child.start(config, { type: 'owners', ports: [], table: [] })).rejects.toThrow();
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(ends).toEqual([[expect.stringMatching(sentence), false]]);
  expect([child.running, child.up]).toEqual([false, false]);
  await child.drain();
});
