/**
 * The victim of the crash test: `<directory> <durability>`. Commits batches 1, 2, 3, … with four under way at a time,
 * and prints each number once its commit has resolved, until it is killed.
 */
import { writeSync } from 'node:fs';
import type { Durability } from './message-store.ts';
import { openLevelStore } from './message-store-leveldb.ts';

const [directory = '', durability = 'os'] = process.argv.slice(2);
const store = await openLevelStore({ directory, durability: durability as Durability });
let next = 1;

async function commitForever(): Promise<never> {
  for (;;) {
    const number = next++;
    const value = Buffer.alloc(100 + (number % 900), number);
    const batch = store.batch();
    batch.putEntry(1, 'sender', number, 'recipient', value);
    batch.putClientId(1, 'sender', number, number);
    batch.putEntry(2, 'recipient', number, 'sender', value);
    batch.putCursor(3, number);
    await store.commit(batch);
    writeSync(1, `${number}\n`);
  }
}

await Promise.all([1, 2, 3, 4].map(commitForever));
