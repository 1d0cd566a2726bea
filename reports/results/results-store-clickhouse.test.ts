/**
 * The store on a ClickHouse server, over HTTP: the one that PLIMSOLL_TEST_CLICKHOUSE_URL names, or else one that the tests
 * start. Every backend is a database of its own.
 */

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readyQueries } from '../queries/ready-queries.ts';
import { samplesGone } from '../samples-gone.ts';
import { type ClickHouseServer, startClickHouse } from './clickhouse-server.suite.ts';
import { batchOf, counterRow, histogramRow, runStart, runSummary, START_MS } from './results-fixtures.suite.ts';
import { type ResultsBackend, resultsStoreSuite } from './results-store.suite.ts';
import { openClickHouseStore } from './results-store-clickhouse.ts';
import { parseResultsUrl } from './results-store-open.ts';
import type { Retention } from './retention.ts';
import { sampleRows } from './run-rows.ts';
import { MIGRATIONS, migrateSchema } from './schema.ts';
import { connectServer } from './server-client.ts';
import { insertRows, queryRows, runCommand, type StoreClient } from './store-client.ts';

let server: ClickHouseServer | null = null;
let url = process.env.PLIMSOLL_TEST_CLICKHOUSE_URL;
let admin: StoreClient;
let databases = 0;

beforeAll(async () => {
  if (!url) {
    server = await startClickHouse();
    url = server.url;
  }
  admin = await connect('default');
});

afterAll(async () => {
  await admin.client.close();
  await server?.stop();
});

function connect(database: string): Promise<StoreClient> {
  const place = parseResultsUrl(url!);
  if (place.kind !== 'server') throw new Error(`${url} is no server`);
  return connectServer({ ...place, database });
}

function newDatabase(): string {
  return `plimsoll_test_${process.pid}_${++databases}`;
}

async function drop(database: string): Promise<void> {
  await runCommand(admin, `DROP DATABASE IF EXISTS ${database}`);
}

resultsStoreSuite('server', async (): Promise<ResultsBackend> => {
  const database = newDatabase();
  return {
    open: async (options = {}) =>
      openClickHouseStore(await connect(database), { ...options, heartbeatMs: 100, interruptedAfterMs: 1000 }),
    crash: (store) => store.close(),
    dispose: () => drop(database),
  };
});

describe('a run on a shared server', () => {
  it('is running for every reader while its writer lives, however quiet', async () => {
    const database = newDatabase();
    const timing = { heartbeatMs: 50, interruptedAfterMs: 500 };
    const writer = await openClickHouseStore(await connect(database), timing);
    const reader = await openClickHouseStore(await connect(database), { ...timing, readOnly: true });
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
      await drop(database);
    }
  });
});

describe('the schema', () => {
  const addColumn = (database: string) => [`ALTER TABLE ${database}.runs ADD COLUMN IF NOT EXISTS note String`];
  let place: StoreClient;
  beforeAll(async () => {
    place = await connect(newDatabase());
  });
  afterAll(async () => {
    await place.client.close();
    await drop(place.database);
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
    const older = await connect(newDatabase());
    await migrateSchema(older, { readOnly: false, migrations: MIGRATIONS.slice(0, 2) });
    await runCommand(older, `INSERT INTO ${older.database}.counters (run_id, metric, value) VALUES ('old', 'x', 1)`);
    await migrateSchema(older, { readOnly: true });
    const rows = [counterRow(), counterRow({ scenario: 'groups', value: 4 })];
    for (const table of sampleRows('new', batchOf({ counters: rows })))
      await insertRows(older, table.table, table.rows);
    expect(
      await queryRows(older, `SELECT run_id, scenario, value FROM ${older.database}.counters ORDER BY value`),
    ).toEqual([
      { run_id: 'old', scenario: '', value: 1 },
      { run_id: 'new', scenario: '', value: 3 },
      { run_id: 'new', scenario: 'groups', value: 4 },
    ]);
    await older.client.close();
    await drop(older.database);
  });

  it('knows of faults that were not recovered from since its second version, and keeps those of before', async () => {
    const older = await connect(newDatabase());
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
    await drop(older.database);
  });

  it('says of runs that were stored before its fifth version what was judged of them, and on which machine', async () => {
    const older = await connect(newDatabase());
    await migrateSchema(older, { readOnly: false, migrations: MIGRATIONS.slice(0, 4) });
    const summary = JSON.stringify(runSummary(runStart('old')));
    await insertRows(older, 'runs', [
      { run_id: 'old', environment: '{"cores":2}' },
      { run_id: 'torn', environment: '' },
    ]);
    await insertRows(older, 'run_ends', [
      { run_id: 'old', summary },
      { run_id: 'torn', summary: '' },
    ]);
    await migrateSchema(older, { readOnly: true });
    const { database } = older;
    const asked = `SELECT run_id, machine['cores'] AS cores, failures, complete FROM ${database}.runs
      INNER JOIN ${database}.run_ends USING (run_id) ORDER BY run_id`;
    expect(await queryRows(older, asked)).toEqual([
      { run_id: 'old', cores: '2', failures: ['p(99)<100 was 123.4'], complete: true },
      { run_id: 'torn', cores: '', failures: [], complete: false },
    ]);
    await older.client.close();
    await drop(database);
  });

  it('is completed after a crash in its making', async () => {
    const half = await connect(newDatabase());
    await runCommand(half, `CREATE DATABASE ${half.database}`);
    for (const statement of MIGRATIONS[0]!(half.database).slice(1, 3)) await runCommand(half, statement);
    await migrateSchema(half, { readOnly: false });
    expect(await queryRows(half, `SELECT count() AS n FROM ${half.database}.gauges`)).toEqual([{ n: 0 }]);
    await half.client.close();
    await drop(half.database);
  });

  it("is not put beside another program's tables", async () => {
    const other = await connect(newDatabase());
    await runCommand(other, `CREATE DATABASE ${other.database}`);
    await runCommand(other, `CREATE TABLE ${other.database}.invoices (id UInt64) ENGINE = MergeTree ORDER BY id`);
    await expect(migrateSchema(other, { readOnly: false })).rejects.toMatchObject({
      code: 'foreign',
      message: expect.stringMatching(/invoices/),
    });
    await other.client.close();
    await drop(other.database);
  });

  it.each([
    ['runs', 'id Int32'],
    ['schema_version', 'version Int64, dirty UInt8'],
  ])("is not put beside another program's table %s, and nothing is created", async (table, columns) => {
    const other = await connect(newDatabase());
    await runCommand(other, `CREATE DATABASE ${other.database}`);
    await runCommand(other, `CREATE TABLE ${other.database}.${table} (${columns}) ENGINE = MergeTree ORDER BY tuple()`);
    await runCommand(other, `INSERT INTO ${other.database}.${table} SELECT 3${columns.includes(',') ? ', 0' : ''}`);
    for (const readOnly of [false, true]) {
      await expect(migrateSchema(other, { readOnly })).rejects.toMatchObject({
        code: 'foreign',
        message: expect.stringMatching(new RegExp(`another program's tables \\(${table}\\): name another database`)),
      });
    }
    const tables = `SELECT name FROM system.tables WHERE database = '${other.database}'`;
    expect(await queryRows(other, tables)).toEqual([{ name: table }]);
    await other.client.close();
    await drop(other.database);
  });
});

it('drops samples that are older than its retention, and nothing else, until that is taken back', async () => {
  const database = newDatabase();
  const tables = ['histograms', 'counters', 'gauges'].map((name) => `${database}.${name}`);
  const days = async (): Promise<number[][]> =>
    Promise.all(
      tables.map(async (table) => {
        await runCommand(admin, `OPTIMIZE TABLE ${table} FINAL`);
        const rows = await queryRows<{ days: number }>(
          admin,
          `SELECT dateDiff('day', at, now64(3)) AS days FROM ${table} ORDER BY days`,
        );
        return rows.map((row) => row.days);
      }),
    );
  const store = await openClickHouseStore(await connect(database));
  const old = runStart('old', { startedAtMs: Date.now() - 8 * 86_400_000 });
  await store.startRun(old);
  await store.finishRun('old', runSummary(old));
  await store.close();
  const open = async (retention?: Retention): Promise<void> => {
    await (await openClickHouseStore(await connect(database), { retention })).close();
    for (const age of [6, 8]) {
      for (const table of tables)
        await runCommand(admin, `INSERT INTO ${table} (run_id, at) VALUES ('old', now64(3) - toIntervalDay(${age}))`);
    }
  };
  const each = (kept: number[]): number[][] => tables.map(() => kept);

  await open();
  expect(await days()).toEqual(each([6, 8]));
  await open(7);
  await open();
  expect(await days()).toEqual(each([6, 6, 6]));
  await open('forever');
  expect(await days()).toEqual(each([6, 6, 6, 6, 8]));

  const reader = await openClickHouseStore(await connect(database), { readOnly: true });
  expect(await reader.listRuns()).toMatchObject([{ runId: 'old', verdict: 'fail', deliveryP99Ms: 123.456 }]);
  expect(samplesGone(await reader.loadRun('old'))).toBe(false);
  for (const table of tables) await runCommand(admin, `TRUNCATE TABLE ${table}`);
  expect(samplesGone(await reader.loadRun('old'))).toBe(true);
  await reader.close();
  await drop(database);
});

it('reports latencies of runs whose samples are past their retention', async () => {
  const database = newDatabase();
  const store = await openClickHouseStore(await connect(database));
  const start = runStart('old');
  await store.startRun(start);
  const seconds = Array.from({ length: 100 }, (_, second) => START_MS + second * 1000);
  await store.write('old', batchOf({ histograms: seconds.map((atMs) => histogramRow({ atMs })) }));
  await store.finishRun('old', runSummary(start));
  const before = await store.loadRun('old');
  expect(before.percentiles.delivery_latency).toHaveLength(100);
  for (const condition of [`at < '2024-11-21 12:01:10'`, 'true']) {
    const mutation = `ALTER TABLE ${database}.histograms DELETE WHERE ${condition} SETTINGS mutations_sync = 1`;
    await runCommand(admin, mutation);
    expect(await store.loadRun('old')).toEqual(before);
  }
  await store.close();
  await drop(database);
});

it('lists as interrupted, by the ready query, what gave no sign of life for a while and has no end', async () => {
  const database = newDatabase();
  const store = await openClickHouseStore(await connect(database));
  try {
    const ended = runStart('ended');
    await store.startRun(ended);
    await store.finishRun('ended', runSummary(ended));
    await store.startRun(runStart('alive'));
    for (const [id, seconds] of [
      ['cut', 31],
      ['cut-early', 1000],
    ] as const) {
      await runCommand(
        admin,
        `INSERT INTO ${database}.runs (run_id, started_at) VALUES ('${id}', '2024-11-21 12:00:00')`,
      );
      await runCommand(
        admin,
        `INSERT INTO ${database}.heartbeats VALUES ('${id}', now64(3) - toIntervalSecond(${seconds}))`,
      );
    }
    await store.write('cut', batchOf({ histograms: [histogramRow({ atMs: START_MS + 5500 })] }));
    const { sql } = readyQueries(join(import.meta.dirname, '..', 'queries')).find(
      ({ name }) => name === 'interrupted-runs',
    )!;
    expect((await store.query(sql)).rows).toEqual([
      ['cut-early', '2024-11-21 12:00:00.000', '', '', null, null, 0],
      ['cut', '2024-11-21 12:00:00.000', '', '', '2024-11-21 12:00:05.500', 5, 1],
    ]);
  } finally {
    await store.close();
    await drop(database);
  }
});
