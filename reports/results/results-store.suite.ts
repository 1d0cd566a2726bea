/** What every results store guarantees. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import { readyQueriesSuite } from '../queries/ready-queries.suite.ts';
import type { HeatMap } from '../report-model.ts';
import { intervalsSuite } from './intervals.suite.ts';
import { percentilesSuite, subsetPercentilesSuite } from './percentiles.suite.ts';
import { questionsSuite } from './questions.suite.ts';
import {
  AWKWARD_TEXT,
  batchOf,
  counterRow,
  gaugeRow,
  histogramRow,
  runStart,
  runSummary,
  START_MS,
} from './results-fixtures.suite.ts';
import type { ResultsStore } from './results-store.ts';
import { rollUpsSuite } from './roll-ups.suite.ts';
import { secondsSuite } from './seconds-query.suite.ts';
import { segmentsSuite } from './segments.suite.ts';

/** A place that holds results, new and empty when it is made. */
export interface ResultsBackend {
  open(options?: { readOnly?: boolean }): Promise<ResultsStore>;
  /** Ends the writer behind `store` as a crash would, with its runs unfinished. */
  crash(store: ResultsStore): Promise<void>;
  dispose(): Promise<void>;
}

export function resultsStoreSuite(name: string, createBackend: () => Promise<ResultsBackend>): void {
  describe(`results store: ${name}`, () => {
    describe('an empty one', () => {
      let backend: ResultsBackend;
      beforeAll(async () => {
        backend = await createBackend();
      });
      afterAll(() => backend.dispose());

      it('is refused to a reader, and nothing is made for it', async () => {
        await expect(backend.open({ readOnly: true })).rejects.toMatchObject({ code: 'empty' });
        await expect(backend.open({ readOnly: true })).rejects.toMatchObject({ code: 'empty' });
      });

      it('lists no runs and says that there is none to load', async () => {
        const store = await backend.open();
        try {
          expect(await store.listRuns()).toEqual([]);
          await expect(store.loadRun('latest')).rejects.toMatchObject({ code: 'empty' });
          await expect(store.loadRun('')).rejects.toMatchObject({ code: 'empty' });
        } finally {
          await store.close();
        }
      });
    });

    describe('one in use', () => {
      let backend: ResultsBackend;
      let store: ResultsStore;
      beforeAll(async () => {
        backend = await createBackend();
        store = await backend.open();
      });
      afterAll(async () => {
        await store.close();
        await backend.dispose();
      });

      it('gives back every row as it was written', async () => {
        await store.startRun(runStart('rows'));
        const gauges = fc.sample(fc.double({ noNaN: true, noDefaultInfinity: true }), { numRuns: 200, seed: 1 });
        await store.write(
          'rows',
          batchOf({
            histograms: [
              histogramRow(),
              histogramRow({ source: 'agent-1', values: [2000, 5003], counts: [4, 1], count: 5, maxUs: 5001 }),
              histogramRow({ phase: 'drain', atMs: START_MS + 1000 }),
              histogramRow({ metric: 'connect_latency', phase: 'connect' }),
            ],
            counters: [
              counterRow(),
              counterRow({ source: 'agent-1', value: 4 }),
              counterRow({ atMs: START_MS + 1000, value: 2 ** 53 - 1 }),
            ],
            gauges: [
              ...gauges.map((value, index) => gaugeRow({ value, atMs: START_MS + index * 1000 })),
              gaugeRow({ source: AWKWARD_TEXT, metric: 'connections', value: 50_000, atMs: START_MS + 123 }),
            ],
          }),
        );
        const model = await store.loadRun('rows');
        expect(model).toMatchObject({ runId: 'rows', status: 'running', summary: null });
        expect(model.percentiles).toEqual({
          connect_latency: [{ atMs: START_MS, count: 3, p50: 2, p90: 3.001, p99: 3.001, p999: 3.001, max: 3 }],
          delivery_latency: [
            { atMs: START_MS, count: 8, p50: 2, p90: 5.003, p99: 5.003, p999: 5.003, max: 5.001 },
            { atMs: START_MS + 1000, count: 3, p50: 2, p90: 3.001, p99: 3.001, p999: 3.001, max: 3 },
          ],
        });
        expect(model.distributions).toEqual([
          { metric: 'connect_latency', phase: 'all', count: 3, maxMs: 3, values: [1, 2, 3.001], counts: [1, 1, 1] },
          {
            metric: 'delivery_latency',
            phase: 'steady',
            count: 8,
            maxMs: 5.001,
            values: [1, 2, 3.001, 5.003],
            counts: [1, 5, 1, 1],
          },
          {
            metric: 'delivery_latency',
            phase: 'all',
            count: 11,
            maxMs: 5.001,
            values: [1, 2, 3.001, 5.003],
            counts: [2, 6, 2, 1],
          },
        ]);
        expect(model.heatMaps).toEqual([
          heatMap('connect_latency', [{ row: 39, counts: [1, 0, 0, 0, 1, 0, 0, 1] }]),
          heatMap('delivery_latency', [
            { row: 39, counts: [1, 0, 0, 0, 5, 0, 0, 1, 0, 0, 1] },
            { row: 39, counts: [1, 0, 0, 0, 1, 0, 0, 1] },
          ]),
        ]);
        expect(model.stepSeconds).toBe(1);
        expect(model.counters).toEqual({
          messages_sent: [
            { atMs: START_MS, value: 7 },
            { atMs: START_MS + 1000, value: 2 ** 53 - 1 },
          ],
        });
        expect(model.gauges).toEqual({
          server_cpu: { node: gauges.map((value, index) => ({ atMs: START_MS + index * 1000, value: value + 0 })) },
          connections: { [AWKWARD_TEXT]: [{ atMs: START_MS + 123, value: 50_000 }] },
        });
        expect(await store.countRows('rows')).toEqual({ histograms: 4, counters: 3, gauges: 201 });
      });

      it('gives back a finished run with its summary', async () => {
        const start = runStart('finished', {
          startedAtMs: START_MS + 10_123,
          scenarioText: AWKWARD_TEXT,
          command: AWKWARD_TEXT,
        });
        await store.startRun(start);
        const summary = runSummary(start);
        await store.write('finished', batchOf({ counters: [counterRow()] }));
        await store.finishRun('finished', summary);
        expect(await store.loadRun('finished')).toEqual({
          runId: 'finished',
          name: start.name,
          status: 'finished',
          summary,
          scenarioText: AWKWARD_TEXT,
          command: AWKWARD_TEXT,
          percentiles: {},
          counters: { messages_sent: [{ atMs: START_MS, value: 3 }] },
          gauges: {},
          distributions: [],
          heatMaps: [],
          stepSeconds: 1,
        });
        expect((await store.listRuns()).find((run) => run.runId === 'finished')).toEqual({
          runId: 'finished',
          name: start.name,
          tags: {},
          scenario: 'smoke',
          startedAtMs: START_MS + 10_123,
          finishedAtMs: START_MS + 70_123,
          status: 'finished',
          verdict: 'fail',
          connectionsPeak: 49_999,
          deliveryP99Ms: 123.456,
        });
      });

      it('keeps names and tags of any text, and finds a run by them', async () => {
        const tags = { [AWKWARD_TEXT]: AWKWARD_TEXT, '': 'empty key', commit: '' };
        await store.startRun(runStart('awkward', { name: AWKWARD_TEXT, tags }));
        const listed = (await store.listRuns()).find((run) => run.runId === 'awkward');
        expect(listed).toMatchObject({ name: AWKWARD_TEXT, tags });
        expect((await store.loadRun(AWKWARD_TEXT)).runId).toBe('awkward');
      });

      it('finds a run by its id, the beginning of one, its newest name, or as the latest', async () => {
        const late = START_MS + 1e9;
        await store.startRun(runStart('20240101-aaaa', { name: 'nightly', startedAtMs: late }));
        await store.startRun(runStart('20240101-aabb', { name: 'nightly', startedAtMs: late + 2 }));
        await store.startRun(runStart('20240101', { name: 'other', startedAtMs: late + 1 }));
        const found = async (id: string) => (await store.loadRun(id)).runId;
        expect(await found('20240101-aaaa')).toBe('20240101-aaaa');
        expect(await found('20240101-aaa')).toBe('20240101-aaaa');
        expect(await found('20240101')).toBe('20240101');
        expect(await found('nightly')).toBe('20240101-aabb');
        expect(await found('latest')).toBe('20240101-aabb');
        expect((await store.listRuns(2)).map((run) => run.runId)).toEqual(['20240101-aabb', '20240101']);
        await expect(store.loadRun('20240101-aa')).rejects.toMatchObject({
          code: 'ambiguous-run',
          message: expect.stringMatching(/20240101-aabb, 20240101-aaaa/),
        });
        await expect(store.loadRun('nothing')).rejects.toMatchObject({ code: 'unknown-run' });
        await expect(store.loadRun('')).rejects.toMatchObject({ code: 'unknown-run' });
        await expect(store.loadRun('%')).rejects.toMatchObject({ code: 'unknown-run' });
      });

      it('refuses a second run of the same id', async () => {
        await store.startRun(runStart('twice'));
        await expect(store.startRun(runStart('twice'))).rejects.toMatchObject({ code: 'failed' });
      });

      it('refuses rows that could not come back as they are, and stores nothing of them', async () => {
        await store.startRun(runStart('refused'));
        const refused = [
          batchOf({ gauges: [gaugeRow(), gaugeRow({ value: Number.NaN })] }),
          batchOf({ gauges: [gaugeRow(), gaugeRow({ atMs: Number.NaN })] }),
          batchOf({ counters: [counterRow({ value: Number.POSITIVE_INFINITY })] }),
          batchOf({ histograms: [histogramRow({ counts: [1, 1] })] }),
          batchOf({ histograms: [histogramRow({ values: [1.5, 2, 3] })] }),
          batchOf({ histograms: [histogramRow({ sumUs: -1 })] }),
        ];
        for (const batch of refused) {
          await expect(store.write('refused', batch)).rejects.toMatchObject({ code: 'failed' });
        }
        expect(await store.countRows('refused')).toEqual({ histograms: 0, counters: 0, gauges: 0 });
      });

      it('stores each of many batches that are written at once', async () => {
        await store.startRun(runStart('burst'));
        const writes = Array.from({ length: 50 }, (_, index) =>
          store.write('burst', batchOf({ histograms: [histogramRow({ source: `agent-${index}` })] })),
        );
        await Promise.all(writes);
        expect(await store.countRows('burst')).toEqual({ histograms: 50, counters: 0, gauges: 0 });
      });

      percentilesSuite(() => store);
      subsetPercentilesSuite(() => store);
      rollUpsSuite(() => store);
      questionsSuite(() => store);
      readyQueriesSuite(() => store);
      secondsSuite(() => store);
      intervalsSuite(() => store);

      segmentsSuite(() => store);
    });

    it('keeps what was written when its writer crashes, and lists the run as interrupted', async () => {
      const backend = await createBackend();
      try {
        const writer = await backend.open();
        const finished = runStart('finished');
        await writer.startRun(finished);
        await writer.finishRun('finished', runSummary(finished));
        await writer.startRun(runStart('cut', { startedAtMs: START_MS + 1 }));
        await writer.write('cut', batchOf({ histograms: [histogramRow()], counters: [counterRow()] }));
        await writer.write('cut', batchOf({ gauges: [gaugeRow()] }));
        await backend.crash(writer);
        const reader = await backend.open({ readOnly: true });
        try {
          const statuses = async () => (await reader.listRuns()).map((run) => [run.runId, run.status]);
          await expect.poll(statuses, { timeout: 10_000 }).toEqual([
            ['cut', 'interrupted'],
            ['finished', 'finished'],
          ]);
          expect(await reader.countRows('cut')).toEqual({ histograms: 1, counters: 1, gauges: 1 });
          expect(await reader.loadRun('cut')).toMatchObject({ status: 'interrupted', summary: null });
        } finally {
          await reader.close();
        }
      } finally {
        await backend.dispose();
      }
    });
  });
}

function heatMap(metric: TrendName, columns: HeatMap['columns']): HeatMap {
  return { metric, startMs: START_MS, stepSeconds: 1, rowsPerOctave: 4, columns };
}
