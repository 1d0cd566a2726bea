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

it('a store that can be frozen is, and gets one batch at a time', async () => {
  const frozen: boolean[] = [];
  let goOn = (): void => {};
  const store = {
    write: (_run: string, batch: SampleBatch) =>
      new Promise<void>((resolve) => {
        goOn = () => {
          stored += batch.gauges.length;
          resolve();
        };
      }),
    freeze: (on: boolean) => frozen.push(on),
    countRows: async () => ({ histograms: 0, counters: 0, gauges: stored }),
  } as unknown as ResultsStore;
  const hanging = new ResultsSink(store, 'run', () => {});
  hanging.hold(true);
  for (let i = 0; i < 3; i++) {
    hanging.write(row());
    await vi.advanceTimersByTimeAsync(1_000);
  }
  const settled = hanging.settle();
  for (let i = 0; i < 2; i++) {
    goOn();
    await vi.advanceTimersByTimeAsync(1);
  }
  expect(await settled).toEqual({ recorded: 3, stored: 3 });
  expect(frozen).toEqual([true, false]);
});

it('held until the end, everything is stored before it is counted', async () => {
  sink.hold(true);
  sink.write(row());
  expect(await sink.settle()).toEqual({ recorded: 1, stored: 1 });
});
