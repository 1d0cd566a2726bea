/** Exactly once, on a real server that goes away at the worst moments. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { type ClickHouseServer, startClickHouse } from './clickhouse-server.suite.ts';
import { batchOf, gaugeRow, runStart } from './results-fixtures.suite.ts';
import type { ResultsStore } from './results-store.ts';
import { openResultsStore } from './results-store-open.ts';
import { sampleRows } from './run-rows.ts';
import { segmentOf } from './segments.suite.ts';

const ROWS = 500;
const rows = Array.from({ length: ROWS }, (_, index) => gaugeRow({ value: index }));

let server: ClickHouseServer;
let store: ResultsStore;
let runs = 0;
const closing: Array<() => Promise<unknown> | unknown> = [];

beforeAll(async () => {
  server = await startClickHouse();
  store = await openResultsStore(`${server.url}/plimsoll`);
});

afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

afterAll(async () => {
  await store.close();
  await server.stop();
});

/** A run with a first segment in the store, and its second. */
async function secondSegment(): Promise<{ run: string; segment: Buffer }> {
  const run = `run-${++runs}`;
  const tables = sampleRows(run, batchOf({ gauges: rows }));
  await store.startRun(runStart(run));
  await store.storeSegment(segmentOf(run, 1, {}, tables));
  return { run, segment: segmentOf(run, 2, { gauges: ROWS }, tables) };
}

const stored = async (run: string) => (await store.countRows(run)).gauges - ROWS;

it('an answer that gets lost: what was stored is not stored again', async () => {
  const relay = await answerlessRelay(server.port);
  const cut = await openResultsStore(`http://127.0.0.1:${relay.port}/plimsoll`);
  closing.push(() => cut.close());
  const { run, segment } = await secondSegment();
  relay.swallow = true;
  await expect(cut.storeSegment(segment)).rejects.toMatchObject({ code: 'unreachable' });
  await expect.poll(() => stored(run)).toBe(ROWS);
  relay.swallow = false;
  await cut.storeSegment(segment, { doubtful: true });
  // Not even by one who has forgotten that he sent it.
  await cut.storeSegment(segment);
  expect(await stored(run)).toBe(ROWS);
});

it('a server that is killed with the insert, and starts again, has it once', async () => {
  const { run, segment } = await secondSegment();
  const first = store.storeSegment(segment).catch((error: Error) => error);
  await server.kill();
  await first;
  await server.restart();
  await store.storeSegment(segment, { doubtful: true });
  await store.storeSegment(segment);
  expect(await stored(run)).toBe(ROWS);
});

it('a server that stands still is given up in time; what it still carries out later is there once', async () => {
  const { run, segment } = await secondSegment();
  server.pause();
  const startedAt = performance.now();
  await expect(store.storeSegment(segment, { patienceMs: 300 })).rejects.toMatchObject({ code: 'unreachable' });
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  server.resume();
  await Promise.all([store.storeSegment(segment, { doubtful: true }), store.storeSegment(segment)]);
  expect(await stored(run)).toBe(ROWS);
});

it('two that deliver the same at the same time store it once', async () => {
  const { run, segment } = await secondSegment();
  await Promise.all(Array.from({ length: 4 }, () => store.storeSegment(segment, { doubtful: true })));
  expect(await stored(run)).toBe(ROWS);
});

/** Hands everything on to `port`; told to swallow, it ends a connection instead of handing an answer back. */
async function answerlessRelay(port: number): Promise<{ port: number; swallow: boolean }> {
  const open = new Set<Socket>();
  const relay: Server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      if (state.swallow) client.destroy();
      else client.write(bytes);
    });
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const state = { port: (relay.address() as AddressInfo).port, swallow: false };
  closing.unshift(() => {
    for (const socket of open) socket.destroy();
    relay.close();
  });
  return state;
}
