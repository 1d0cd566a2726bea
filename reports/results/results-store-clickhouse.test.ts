/**
 * The store without its own process: on the ClickHouse server that PLIMSOLL_TEST_CLICKHOUSE_URL names, or else on an
 * engine inside the test, told nothing of being alone. Every backend is a database of its own.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createSocketServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ClickHouseClient, createClient } from '@clickhouse/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadChdb } from './chdb-loader.ts';
import { batchOf, counterRow, runStart } from './results-fixtures.suite.ts';
import { type ResultsBackend, resultsStoreSuite } from './results-store.suite.ts';
import type { ResultsStore } from './results-store.ts';
import { openClickHouseStore } from './results-store-clickhouse.ts';
import { openResultsStore } from './results-store-open.ts';
import { SampleWriter } from './sample-writer.ts';
import { MIGRATIONS, migrateSchema } from './schema.ts';
import { queryRows, runCommand, type StoreClient } from './store-client.ts';

const SERVER = process.env.PLIMSOLL_TEST_CLICKHOUSE_URL;

let directory: string;
let connect: () => ClickHouseClient;
let admin: ClickHouseClient;
let databases = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'plimsoll-engine-'));
  if (SERVER) {
    connect = () => createClient({ url: SERVER });
  } else {
    const openEngine = await loadChdb();
    connect = () => openEngine(directory);
  }
  admin = connect();
});

afterAll(async () => {
  await admin.close();
  await rm(directory, { recursive: true });
});

function newPlace(): StoreClient {
  const database = `plimsoll_test_${process.pid}_${++databases}`;
  return { client: connect(), database, place: `test/${database}` };
}

async function drop({ database }: StoreClient): Promise<void> {
  await admin.command({ query: `DROP DATABASE IF EXISTS ${database}` });
}

resultsStoreSuite(SERVER ? 'server' : 'engine without a process', async (): Promise<ResultsBackend> => {
  const { client, ...place } = newPlace();
  await client.close();
  return {
    open: (options = {}) =>
      openClickHouseStore({ ...place, client: connect() }, { ...options, heartbeatMs: 100, interruptedAfterMs: 1000 }),
    crash: (store) => store.close(),
    dispose: () => drop({ ...place, client }),
  };
});

describe('a run on a shared server', () => {
  it('is running for every reader while its writer lives, however quiet', async () => {
    const place = newPlace();
    const timing = { heartbeatMs: 50, interruptedAfterMs: 500 };
    const writer = await openClickHouseStore(place, timing);
    const reader = await openClickHouseStore({ ...place, client: connect() }, { ...timing, readOnly: true });
    try {
      const startedAt = performance.now();
      await writer.startRun(runStart('quiet'));
      const seen = new Set<string>();
      while (performance.now() - startedAt < 1500) seen.add((await reader.listRuns())[0]!.status);
      expect([...seen]).toEqual(['running']);
      await writer.close();
      await expect.poll(async () => (await reader.listRuns())[0]!.status).toBe('interrupted');
    } finally {
      await writer.close();
      await reader.close();
      await drop(place);
    }
  });
});

describe('the schema', () => {
  const addColumn = (database: string) => [`ALTER TABLE ${database}.runs ADD COLUMN IF NOT EXISTS note String`];
  let place: StoreClient;
  beforeAll(() => {
    place = newPlace();
  });
  afterAll(async () => {
    await place.client.close();
    await drop(place);
  });

  it('is made once, upgraded in order with its rows kept, and refused when newer', async () => {
    await migrateSchema(place, { readOnly: false });
    await migrateSchema(place, { readOnly: false });
    await runCommand(place, `INSERT INTO ${place.database}.runs (run_id) VALUES ('old')`);
    await migrateSchema(place, { readOnly: true, migrations: [...MIGRATIONS, addColumn] });
    expect(await queryRows(place, `SELECT run_id, note FROM ${place.database}.runs`)).toEqual([
      { run_id: 'old', note: '' },
    ]);
    expect(await queryRows(place, `SELECT version FROM ${place.database}.schema_version ORDER BY version`)).toEqual(
      Array.from({ length: MIGRATIONS.length + 1 }, (_, index) => ({ version: index + 1 })),
    );
    await expect(migrateSchema(place, { readOnly: false })).rejects.toMatchObject({
      code: 'foreign',
      message: expect.stringContaining(
        `format ${MIGRATIONS.length + 1}, written by a newer Plimsoll; this one reads formats up to ${MIGRATIONS.length}`,
      ),
    });
  });

  it('tells streams apart from its third version on, and the rows of before belong to none', async () => {
    const older = newPlace();
    await migrateSchema(older, { readOnly: false, migrations: MIGRATIONS.slice(0, 2) });
    await runCommand(older, `INSERT INTO ${older.database}.counters (run_id, metric, value) VALUES ('old', 'x', 1)`);
    await migrateSchema(older, { readOnly: true });
    const rows = [counterRow(), counterRow({ scenario: 'groups', value: 4 })];
    await new SampleWriter(older).write('new', batchOf({ counters: rows }));
    expect(
      await queryRows(older, `SELECT run_id, scenario, value FROM ${older.database}.counters ORDER BY value`),
    ).toEqual([
      { run_id: 'old', scenario: '', value: 1 },
      { run_id: 'new', scenario: '', value: 3 },
      { run_id: 'new', scenario: 'groups', value: 4 },
    ]);
    await older.client.close();
    await drop(older);
  });

  it('knows of faults that were not recovered from since its second version, and keeps those of before', async () => {
    const older = newPlace();
    await migrateSchema(older, { readOnly: false, migrations: MIGRATIONS.slice(0, 1) });
    const insert = `INSERT INTO ${older.database}.faults (run_id, kind, at_seconds, recovery_seconds, lost)`;
    await runCommand(older, `${insert} VALUES ('old', 'kill-shard', 20, 1.25, 3)`);
    await migrateSchema(older, { readOnly: true });
    await runCommand(older, `${insert} VALUES ('new', 'cut-network', 20, NULL, 0)`);
    expect(
      await queryRows(
        older,
        `SELECT run_id, recovery_seconds, lost, detail FROM ${older.database}.faults ORDER BY run_id DESC`,
      ),
    ).toEqual([
      { run_id: 'old', recovery_seconds: 1.25, lost: 3, detail: '' },
      { run_id: 'new', recovery_seconds: null, lost: 0, detail: '' },
    ]);
    await older.client.close();
    await drop(older);
  });

  it('is completed after a crash in its making', async () => {
    const half = newPlace();
    await runCommand(half, `CREATE DATABASE ${half.database}`);
    for (const statement of MIGRATIONS[0]!(half.database).slice(1, 3)) await runCommand(half, statement);
    await migrateSchema(half, { readOnly: false });
    expect(await queryRows(half, `SELECT count() AS n FROM ${half.database}.gauges`)).toEqual([{ n: 0 }]);
    await half.client.close();
    await drop(half);
  });

  it("is not put beside another program's tables", async () => {
    const other = newPlace();
    await runCommand(other, `CREATE DATABASE ${other.database}`);
    await runCommand(other, `CREATE TABLE ${other.database}.invoices (id UInt64) ENGINE = MergeTree ORDER BY id`);
    await expect(migrateSchema(other, { readOnly: false })).rejects.toMatchObject({
      code: 'foreign',
      message: expect.stringMatching(/invoices/),
    });
    await other.client.close();
    await drop(other);
  });
});

describe('a server that is none', () => {
  const refusals: Array<[what: string, listen: () => Server]> = [
    ['hangs up', () => createSocketServer((socket) => socket.destroy())],
    ['speaks something else than HTTP', () => createSocketServer((socket) => socket.end('220 smtp ready\r\n'))],
    ['is another web server', () => createServer((_, response) => response.writeHead(404).end('Not Found'))],
    ['answers with a page', () => createServer((_, response) => response.end('<html>hello</html>'))],
  ];

  it.each(refusals)('%s', async (_, listen) => {
    const server = listen();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await expect(openResultsStore(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${port}/plimsoll`)),
      });
    } finally {
      server.close();
    }
  });

  it('does not listen', async () => {
    const server = createSocketServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const opening: Promise<ResultsStore> = openResultsStore(`http://127.0.0.1:${port}/load`);
    await expect(opening).rejects.toMatchObject({ code: 'unreachable' });
  });
});
