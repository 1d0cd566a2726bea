/** The steady phase second by second, as comparisons resample it: the same as merging the rows by hand. */
import { expect, it } from 'vitest';
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

export function secondsSuite(storeOf: () => ResultsStore): void {
  it('gives the steady phase second by second, all agents merged', async () => {
    const store = storeOf();
    const start = runStart('seconds', { tags: { commit: 'abc' }, seed: 7 });
    await store.startRun(start);
    const at = (second: number): { atMs: number } => ({ atMs: START_MS + second * 1000 });
    await store.write(
      'seconds',
      batchOf({
        histograms: [
          histogramRow({ ...at(-1), phase: 'warm-up' }),
          histogramRow(at(0)),
          histogramRow({ ...at(0), source: 'agent-1', values: [2000, 5003], counts: [4, 1], count: 5, maxUs: 5001 }),
          histogramRow({ ...at(3), scenario: 'groups', values: [2000], counts: [7], count: 7, maxUs: 2000 }),
          histogramRow({ ...at(3), phase: 'drain' }),
          histogramRow({ ...at(0), metric: 'sent_latency' }),
          histogramRow({ ...at(-9), metric: 'connect_latency', phase: 'connect' }),
        ],
        counters: [
          counterRow({ ...at(-1), phase: 'warm-up' }),
          counterRow(at(1)),
          counterRow({ ...at(1), source: 'agent-1', value: 4 }),
          counterRow({ ...at(4), metric: 'messages_delivered', value: 2 }),
        ],
        gauges: [
          gaugeRow({ ...at(-1), value: 9 }),
          gaugeRow({ ...at(2), source: 'shard-0', value: 0.25 }),
          gaugeRow({ ...at(2), source: 'shard-1', value: 0.5 }),
          gaugeRow({ ...at(2), source: 'machine', metric: 'kernel_slab_bytes', value: 1 }),
        ],
      }),
    );
    expect(await store.loadSeconds('seconds', ['connect_latency', 'delivery_latency', 'fanout_latency'])).toEqual({
      runId: 'seconds',
      name: start.name,
      tags: { commit: 'abc' },
      startedAtMs: START_MS,
      scenario: 'smoke',
      scenarioText: start.scenarioText,
      seed: 7,
      environment: { cores: 2 },
      status: 'running',
      summary: null,
      startMs: START_MS,
      seconds: 5,
      whole: { from: 1, to: 4 },
      trends: {
        connect_latency: {
          startMs: START_MS - 9000,
          starts: Uint32Array.of(0, 3),
          values: Uint32Array.of(1000, 2000, 3001),
          counts: Float64Array.of(1, 1, 1),
          maxUs: 3000,
        },
        delivery_latency: {
          startMs: START_MS,
          starts: Uint32Array.of(0, 4, 4, 4, 5, 5),
          values: Uint32Array.of(1000, 2000, 3001, 5003, 2000),
          counts: Float64Array.of(1, 5, 1, 1, 7),
          maxUs: 5001,
        },
      },
      counters: {
        messages_sent: Float64Array.of(0, 7, 0, 0, 0),
        messages_delivered: Float64Array.of(0, 0, 0, 0, 2),
      },
      gauges: { server_cpu: Float64Array.of(Number.NaN, Number.NaN, 0.75, Number.NaN, Number.NaN) },
    });
  });

  it('gives the seconds of a run without any, and takes the edges of the phase from the summary', async () => {
    const store = storeOf();
    const start = runStart('no-seconds');
    await store.startRun(start);
    expect(await store.loadSeconds('no-seconds', ['delivery_latency'])).toMatchObject({
      startMs: 0,
      seconds: 0,
      whole: { from: 0, to: 0 },
      trends: {},
      counters: {},
      gauges: {},
    });
    const rows = [0, 1, 2, 3].map((second) => counterRow({ atMs: START_MS + second * 1000 }));
    await store.write('no-seconds', batchOf({ counters: rows }));
    const phases = [{ phase: 'steady', startMs: START_MS + 300, endMs: START_MS + 3300 }];
    await store.finishRun('no-seconds', { ...runSummary(start), phases });
    expect(await store.loadSeconds('no-seconds', [])).toMatchObject({
      status: 'finished',
      seconds: 4,
      whole: { from: 1, to: 3 },
    });
  });
}
