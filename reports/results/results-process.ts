/**
 * The process that holds the embedded ClickHouse. It has a process of its own because the engine takes threads, a few
 * hundred MiB and now and then the event loop, which would show in the latencies that a load generator measures.
 *
 * Its life is that of its parent's channel: when that closes, it stores what it was sent and exits, whatever questions it
 * has not answered yet. Signals that a terminal sends to everybody are the parent's to answer.
 */
import { constants, setPriority } from 'node:os';
import type { ClickHouseClient } from '@clickhouse/client';
import { loadChdb } from './chdb-loader.ts';
import { claimDirectory, prepareDirectory } from './results-directory.ts';
import {
  type EmbeddedOptions,
  failedAnswer,
  READS,
  STORE_METHODS,
  type StoreAnswer,
  type StoreRequest,
} from './results-ipc.ts';
import { ResultsError, type ResultsStore } from './results-store.ts';
import { openClickHouseStore } from './results-store-clickhouse.ts';

// What it does can wait a little; what the load generator does cannot.
setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

let opened: OpenedStore | null = null;

interface OpenedStore {
  store: ResultsStore;
  directory: string;
  /** The directory says that it is this process that has it. */
  claimed: boolean;
}
/** Requests under way. */
const underWay = new Set<StoreRequest>();

process.on('message', (request: StoreRequest) => void answer(request));
process.on('disconnect', () => void exit());

async function answer(request: StoreRequest): Promise<void> {
  underWay.add(request);
  try {
    send({ id: request.id, ok: true, value: await perform(request) });
  } catch (error) {
    const stage = error instanceof EngineError ? 'engine' : 'store';
    send(failedAnswer(request.id, error, stage));
    if (request.method === 'open' && process.connected) process.disconnect();
  }
  underWay.delete(request);
  if (!process.connected) void exit();
  else if (request.method === 'close') process.disconnect();
}

async function perform(request: StoreRequest): Promise<unknown> {
  if (request.method === 'open') return open(...request.args);
  if (!opened || !STORE_METHODS.includes(request.method)) throw new ResultsError('failed', 'No results store is open.');
  const { store, directory } = opened;
  if (request.method === 'startRun') {
    const { runId } = request.args[0] as { runId: string };
    claimDirectory(directory, { pid: process.pid, runId });
  }
  if (request.method === 'close') return close();
  const method = store[request.method] as (...args: unknown[]) => Promise<unknown>;
  return method.apply(store, request.args);
}

async function open(directory: string, options: EmbeddedOptions): Promise<void> {
  prepareDirectory(directory, options.readOnly ?? false);
  const openEngine = await loadChdb();
  let client: ClickHouseClient;
  try {
    client = openEngine(directory);
  } catch (error) {
    throw new EngineError((error as Error).message);
  }
  let claimed = true;
  try {
    claimDirectory(directory, { pid: process.pid, runId: null });
  } catch (error) {
    // Whoever only reads can do that on a full disk too.
    if (!options.readOnly) throw error;
    claimed = false;
  }
  const place = { client, database: 'plimsoll', place: directory, openReader: () => openEngine(directory) };
  opened = { directory, claimed, store: await openClickHouseStore(place, { ...options, exclusive: true }) };
}

async function close(): Promise<void> {
  if (!opened) return;
  const { store, directory, claimed } = opened;
  opened = null;
  try {
    if (claimed) claimDirectory(directory, null);
  } finally {
    await store.close();
  }
}

/** The parent is gone. */
async function exit(): Promise<void> {
  const methods = [...underWay].map(({ method }) => method);
  if (methods.some((method) => !READS.has(method))) return;
  // The engine can't be told to leave a question, and would keep its lock on the directory until the answer.
  if (methods.length > 0 && opened) {
    if (opened.claimed) claimDirectory(opened.directory, null);
    process.kill(process.pid, 'SIGKILL');
  }
  await close().finally(() => process.exit());
}

/** A parent that is gone does not want the answer. */
function send(message: StoreAnswer): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/** The engine did not open; the reason is on standard error. */
class EngineError extends Error {}
