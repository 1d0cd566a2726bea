/**
 * What the message store costs: `node store-puts.ts [leveldb|memory] [os|fsync|none] [messages] [per-batch]`.
 *
 * A message is what a one-to-one message costs a volume that owns both users: putEntry and putClientId for the sender,
 * putEntry for the recipient; 50,000 users, 140-byte entries, one batch under way at a time. Prints the minimum of
 * three runs in µs a message: JS thread, CPU of all threads, wall time; then the same for a `head` after reopening.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Durability, MessageStore } from '../server/store/message-store.ts';
import { openLevelStore } from '../server/store/message-store-leveldb.ts';
import { openMemoryStore } from '../server/store/message-store-memory.ts';

const USERS = 50_000;
const RUNS = 3;
const HEADS = 10_000;
const HEADS_AT_ONCE = 64;

interface Cost {
  jsMicros: number;
  cpuMicros: number;
  wallMicros: number;
}

const [kind = 'leveldb', durability = 'os', messages = '200000', perBatch = '100'] = process.argv.slice(2);
const users = Array.from({ length: USERS }, (_, i) => `user-${String(i).padStart(8, '0')}`);
const value = Buffer.from(Array.from({ length: 140 }, (_, i) => (i * 7919) % 251));
const random = lcgOf(1);

const directory = await mkdtemp(join(tmpdir(), 'store-puts-'));
try {
  const puts: Cost[] = [];
  const heads: Cost[] = [];
  for (let run = 0; run < RUNS; run++) {
    const place = join(directory, String(run));
    const open = async (): Promise<MessageStore> =>
      kind === 'memory'
        ? openMemoryStore()
        : openLevelStore({ directory: place, durability: durability as Durability });
    let store = await open();
    puts.push(await costOf(Number(messages), () => putMessages(store, Number(messages), Number(perBatch))));
    if (store.persistent) {
      await store.close();
      store = await open();
    }
    heads.push(await costOf(HEADS, () => readHeads(store)));
    await store.close();
  }
  console.log(`${kind} ${durability}, ${messages} messages, ${perBatch} a batch`);
  console.log(`  put   ${describe(puts)}`);
  console.log(`  head  ${describe(heads)}`);
} finally {
  await rm(directory, { recursive: true });
}

async function putMessages(store: MessageStore, count: number, batchSize: number): Promise<void> {
  const seqs = new Uint32Array(USERS);
  const ids = new Uint32Array(USERS);
  for (let done = 0; done < count; done += batchSize) {
    const batch = store.batch();
    for (let i = 0; i < batchSize; i++) {
      const from = random() % USERS;
      const to = random() % USERS;
      const seq = ++seqs[from]!;
      batch.putEntry(from % 1000, users[from]!, seq, users[to]!, value);
      batch.putClientId(from % 1000, users[from]!, ++ids[from]!, seq);
      batch.putEntry(to % 1000, users[to]!, ++seqs[to]!, users[from]!, value);
    }
    await store.commit(batch);
  }
}

async function readHeads(store: MessageStore): Promise<void> {
  for (let done = 0; done < HEADS; done += HEADS_AT_ONCE) {
    const asked = Array.from({ length: HEADS_AT_ONCE }, () => random() % USERS);
    await Promise.all(asked.map((user) => store.head(user % 1000, users[user]!)));
  }
}

async function costOf(count: number, work: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  const start = performance.now();
  await work();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  const { active } = performance.eventLoopUtilization(loop);
  return { jsMicros: (active * 1000) / count, cpuMicros: (user + system) / count, wallMicros: (wallMs * 1000) / count };
}

function describe(costs: Cost[]): string {
  const least = (of: (cost: Cost) => number) =>
    Math.min(...costs.map(of))
      .toFixed(1)
      .padStart(6);
  return `JS ${least((c) => c.jsMicros)}  CPU ${least((c) => c.cpuMicros)}  wall ${least((c) => c.wallMicros)} µs`;
}

/** The same sequence on every run, so that runs compare. */
function lcgOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state >>> 8;
  };
}
