import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeMessageStore } from './message-store.suite.ts';
import { openLevelStore } from './message-store-leveldb.ts';
import { openMemoryStore } from './message-store-memory.ts';

describeMessageStore('memory', { persistent: false }, async () => ({
  open: async () => openMemoryStore(),
  remove: async () => {},
}));

for (const durability of ['os', 'fsync'] as const) {
  describeMessageStore(`leveldb, ${durability}`, { persistent: true }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'message-store-'));
    return {
      open: () => openLevelStore({ directory, durability }),
      remove: () => rm(directory, { recursive: true }),
    };
  });
}
