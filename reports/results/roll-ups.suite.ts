/** A report says the same whether latencies are rolled up, or not, or in part, or were and have changed since. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { expectLatencies, type Interval, madeUpRun, rowOf } from './percentiles.suite.ts';
import { batchOf, histogramRow, runStart, runSummary, START_MS } from './results-fixtures.suite.ts';
import type { ResultsStore } from './results-store.ts';

/** On both sides of minutes' ends. */
const SECONDS = [0, 1, 30, 58, 59, 60, 61, 119, 120, 150, 185, 186];

export function rollUpsSuite(storeOf: () => ResultsStore): void {
  it('reports the same from roll-ups, with rows that came late, as from merged histograms', {
    timeout: 60_000,
  }, async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(madeUpRun(SECONDS), fc.double({ min: 0, max: 1, noNaN: true }), async (intervals, share) => {
        const store = storeOf();
        const start = runStart(`rolled-up-${++runs}`);
        const late = Math.floor(intervals.length * share);
        await store.startRun(start);
        await store.write(start.runId, batchOf({ histograms: intervals.slice(late).map(rowOf) }));
        await store.finishRun(start.runId, runSummary(start));
        expectLatencies(await store.loadRun(start.runId), intervals.slice(late));
        expect(await rolledUp(store, start.runId)).toEqual(countsOf(intervals.slice(late)));
        // Its last second is not the end of a minute: nothing rolls these up.
        if (late > 0) await store.write(start.runId, batchOf({ histograms: intervals.slice(0, late).map(rowOf) }));
        expectLatencies(await store.loadRun(start.runId), intervals);
        await store.finishRun(start.runId, runSummary(start));
        expectLatencies(await store.loadRun(start.runId), intervals);
        expect(await rolledUp(store, start.runId)).toEqual(countsOf(intervals));
      }),
      { numRuns: 12, seed: 20241123 },
    );
  });

  it('has whole minutes rolled up while the run goes on, a while after their end', async () => {
    const store = storeOf();
    await store.startRun(runStart('going-on'));
    const seconds = async (upTo: number): Promise<number[]> => {
      const histograms = Array.from({ length: 10 }, (_, at) =>
        histogramRow({ atMs: START_MS + (upTo - 9 + at) * 1000 }),
      );
      await store.write('going-on', batchOf({ histograms }));
      const model = await store.loadRun('going-on');
      expect(model.percentiles.delivery_latency).toHaveLength(upTo + 1);
      const { rows } = await store.query(
        `SELECT count(), (SELECT count() FROM minutes WHERE run_id = {run:String}) FROM seconds WHERE run_id = {run:String}`,
        { run: 'going-on' },
      );
      return rows[0]!.map(Number);
    };
    const found: Array<number[]> = [];
    for (let upTo = 9; upTo < 150; upTo += 10) found.push(await seconds(upTo));
    expect(found.slice(0, 7)).toEqual(Array.from({ length: 7 }, () => [0, 0]));
    expect(found.slice(7, 13)).toEqual(Array.from({ length: 6 }, () => [60, 1]));
    expect(found.slice(13)).toEqual([
      [120, 2],
      [120, 2],
    ]);
  });
}

/** Samples of each metric in `seconds` and in `minutes`, the newest rows of each. */
async function rolledUp(store: ResultsStore, runId: string): Promise<Record<string, number[]>> {
  const counted = (table: string) =>
    `SELECT metric, sum(count) AS samples FROM ${table} FINAL WHERE run_id = {run:String} GROUP BY metric`;
  const { rows } = await store.query(
    `SELECT metric, seconds.samples, minutes.samples FROM (${counted('seconds')}) AS seconds
     INNER JOIN (${counted('minutes')}) AS minutes USING (metric)`,
    { run: runId },
  );
  return Object.fromEntries(rows.map(([metric, ...samples]) => [metric, samples.map(Number)]));
}

function countsOf(intervals: readonly Interval[]): Record<string, number[]> {
  const counts: Record<string, number[]> = {};
  for (const interval of intervals) {
    const count = (counts[interval.metric]?.[0] ?? 0) + rowOf(interval).count;
    counts[interval.metric] = [count, count];
  }
  return counts;
}
