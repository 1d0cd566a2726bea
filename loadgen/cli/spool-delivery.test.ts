import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClickHouseServer, startClickHouse } from '../../reports/results/clickhouse-server.suite.ts';
import { batchOf, gaugeRow, runStart, runSummary } from '../../reports/results/results-fixtures.suite.ts';
import type { ResultsStore } from '../../reports/results/results-store.ts';
import { openResultsStore } from '../../reports/results/results-store-open.ts';
import { endRows, sampleRows } from '../../reports/results/run-rows.ts';
import { createSpool, findSpools, type Spool, segmentPath } from '../../reports/results/spool-directory.ts';
import { SpoolWriter } from '../../reports/results/spool-writer.ts';
import { deliverSpool, sentenceOf } from './spool-delivery.ts';

let root: string;
let server: ClickHouseServer;
let store: ResultsStore;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'plimsoll-delivery-'));
  server = await startClickHouse();
  store = await openResultsStore(`${server.url}/plimsoll`);
});
afterAll(async () => {
  await store.close();
  await server.stop();
  rmSync(root, { recursive: true });
});

/** What a run left behind: three segments, the run's end in the last. */
async function leftBehind(runId: string): Promise<Spool> {
  const directory = createSpool(root, runId, 'here');
  const onTrouble = (message: string) => expect.fail(message);
  const spool = new SpoolWriter({ runId, directory, limitBytes: 2 ** 30, onTrouble });
  spool.keepStart(runStart(runId));
  for (let segment = 0; segment < 2; segment++) {
    spool.append(sampleRows(runId, batchOf({ gauges: [gaugeRow(), gaugeRow()] })));
    await spool.cut();
  }
  spool.append(endRows(runId, runSummary(runStart(runId))));
  await spool.close();
  return orphan(runId);
}

/** Its process is gone. */
function orphan(runId: string): Spool {
  const found = () => findSpools(root).find((spool) => spool.runId === runId)!;
  const { path } = found();
  renameSync(path, join(root, basename(path).replace(/\.\d+-/, `.${2 ** 22 + 1}-`)));
  return found();
}

it('a store that has forgotten the run, or is another one, gets all of it', async () => {
  const delivery = await deliverSpool(store, await leftBehind('new'));
  expect(delivery).toMatchObject({ runId: 'new', problem: null });
  expect(delivery!.rows).toBeGreaterThan(4);
  expect(sentenceOf(delivery!)).toBe(`run new: ${delivery!.rows} rows delivered that waited on disk`);
  expect(await store.countRows('new')).toMatchObject({ gauges: 4 });
  expect(await store.loadRun('new')).toMatchObject({ status: 'finished', summary: runSummary(runStart('new')) });
  expect(findSpools(root)).toEqual([]);
});

it('what can’t be stored stops there, is named, and stored when it can; what went before is not stored again', async () => {
  const spool = await leftBehind('stopped');
  await store.startRun(runStart('stopped'));
  // The first was stored before the run was killed, and not removed.
  await store.storeSegment(segmentPath(spool.path, 1));
  const second = readFileSync(segmentPath(spool.path, 2), 'utf8');
  writeFileSync(segmentPath(spool.path, 2), second.replace('"version":1', '"version":2'));
  const stopped = await deliverSpool(store, spool);
  expect(stopped).toMatchObject({ rows: 2, problem: { code: 'foreign' } });
  expect(await store.countRows('stopped')).toMatchObject({ gauges: 2 });

  const left = orphan('stopped');
  writeFileSync(segmentPath(left.path, 2), second);
  expect(await deliverSpool(store, left)).toMatchObject({ problem: null });
  expect(await store.countRows('stopped')).toMatchObject({ gauges: 4 });
  expect((await store.listRuns()).filter(({ runId }) => runId === 'stopped')).toMatchObject([{ status: 'finished' }]);
});
