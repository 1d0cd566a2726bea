/** Rows that come by way of a spool are stored once, however often they are sent. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  batchOf,
  counterRow,
  gaugeRow,
  histogramRow,
  runStart,
  runSummary,
  START_MS,
} from './results-fixtures.suite.ts';
import type { ResultsStore } from './results-store.ts';
import { endRows, sampleRows, type TableRows } from './run-rows.ts';
import { encodeHead, encodeRecord, type RowCounts } from './spool-segment.ts';

/** The bytes of a segment. */
export function segmentOf(runId: string, segment: number, before: RowCounts, tables: readonly TableRows[]): Buffer {
  const records = tables.map(({ table, rows }) => encodeRecord(table, rows));
  return Buffer.concat([encodeHead({ runId, segment, before }), ...records]);
}

export function segmentsSuite(storeOf: () => ResultsStore): void {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'plimsoll-segments-'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  it('stores a run from the segments of a spool as it does directly, each once', async () => {
    const store = storeOf();
    const start = runStart('spooled', { startedAtMs: START_MS - 5_000 });
    await store.startRun(start);
    const samples = sampleRows(
      'spooled',
      // Rows that are alike are no repetition.
      batchOf({ histograms: [histogramRow(), histogramRow()], counters: [counterRow()], gauges: [gaugeRow()] }),
    );
    const file = join(directory, '000001.rows');
    const first = segmentOf('spooled', 1, {}, [...samples, ...samples]);
    // Its writer was killed in the middle of the next record.
    writeFileSync(file, Buffer.concat([first, encodeRecord('gauges', [{ run_id: 'spooled' }]).subarray(0, 40)]));
    const before = { histograms: 4, counters: 2, gauges: 2 };
    const second = segmentOf('spooled', 2, before, [...samples, ...endRows('spooled', runSummary(start))]);

    expect(await store.storeSegment(file)).toBe(8);
    expect(await store.storeSegment(file, { doubtful: true })).toBe(8);
    expect(await store.storeSegment(file)).toBe(8);
    expect(await store.countRows('spooled')).toEqual(before);
    expect(await store.loadRun('spooled')).toMatchObject({ status: 'running' });
    await store.storeSegment(second);
    await store.storeSegment(second, { doubtful: true });
    expect(await store.countRows('spooled')).toEqual({ histograms: 6, counters: 3, gauges: 3 });
    expect(await store.loadRun('spooled')).toMatchObject({ status: 'finished', summary: runSummary(start) });
  });

  it('stores nothing of an empty segment, and refuses one of another version', async () => {
    const store = storeOf();
    const path = join(directory, 'other.rows');
    writeFileSync(path, '{"contents":"Plim');
    expect(await store.storeSegment(path)).toBe(0);
    writeFileSync(path, encodeHead({ runId: 'a', segment: 1, before: {} }).toString().replace('sion":1', 'sion":2'));
    await expect(store.storeSegment(path)).rejects.toMatchObject({ code: 'foreign' });
    await expect(store.storeSegment(join(directory, 'missing.rows'))).rejects.toMatchObject({ code: 'failed' });
  });
}
