import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { ResultsStore } from '../../reports/results/results-store.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import { ResultsSink } from './results-sink.ts';

let stored: number;
let sink: ResultsSink;

beforeEach(() => {
  vi.useFakeTimers();
  stored = 0;
  const store = {
    async write(_run: string, batch: SampleBatch) {
      stored += batch.gauges.length;
    },
    countRows: async () => ({ histograms: 0, counters: 0, gauges: stored }),
  } as unknown as ResultsStore;
  sink = new ResultsSink(store, 'run', () => {});
});

afterEach(() => {
  sink.abandon();
  vi.useRealTimers();
});

function row(): SampleBatch {
  return { histograms: [], counters: [], gauges: [{ atMs: 1, source: 'agent-0', metric: 'connections', value: 1 }] };
}

it('held, rows wait and lose nothing; afterwards they are stored', async () => {
  sink.write(row());
  await vi.advanceTimersByTimeAsync(1_000);
  expect(stored).toBe(1);
  sink.hold(true);
  for (let i = 0; i < 5; i++) {
    sink.write(row());
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(stored).toBe(1);
  sink.hold(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(stored).toBe(6);
});

it('held until the end, everything is stored before it is counted', async () => {
  sink.hold(true);
  sink.write(row());
  expect(await sink.settle()).toEqual({ recorded: 1, stored: 1 });
});
