import { beforeEach, expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import type { HistogramRow } from '../recorder/samples.ts';
import { FaultObserver } from './fault-observer.ts';

let clock: VirtualClock;
let observer: FaultObserver;

beforeEach(() => {
  clock = new VirtualClock({ nowMs: 10_500 });
  observer = new FaultObserver(clock);
});

/** Rows of agents about the second of the clock that begins at `atMs`. */
function rows(atMs: number, metric: HistogramRow['metric'], us: number, count = 10): HistogramRow {
  return {
    atMs: clock.toEpochMs(atMs),
    source: 'agent-0',
    metric,
    phase: 'steady',
    scenario: '',
    count,
    sumUs: us * count,
    minUs: us,
    maxUs: us,
    values: [us],
    counts: [count],
  } as HistogramRow;
}

it('a second is what its rows say and how it stood at its end', () => {
  observer.add({
    histograms: [rows(9_000, 'delivery_latency', 1_000), rows(9_000, 'delivery_latency', 2_000, 1)],
    counters: [
      { atMs: clock.toEpochMs(9_000), source: 'a', metric: 'reconnects', phase: 'steady', scenario: '', value: 4 },
      {
        atMs: clock.toEpochMs(9_000),
        source: 'b',
        metric: 'messages_dropped',
        phase: 'steady',
        scenario: '',
        value: 2,
      },
    ] as never,
    gauges: [],
  });
  observer.addProgress({ connections: 7, expected: 30, delivered: 19 });
  expect(observer.seconds()).toEqual([
    {
      atMs: 9_000,
      connections: 7,
      delivered: 11,
      backlog: 11,
      p99Ms: 2,
      maxMs: 2,
      dropped: 2,
      reconnects: 4,
    },
  ]);
});

it('what a second came to stays known when its histogram is gone', () => {
  observer.add({ histograms: [rows(9_000, 'delivery_latency', 1_500)], counters: [], gauges: [] });
  for (let i = 0; i < 60; i++) {
    observer.addProgress({ connections: 1, expected: 0, delivered: 0 });
    clock.advance(1_000);
  }
  // Far too late to be true.
  observer.add({ histograms: [rows(9_000, 'delivery_latency', 2_000)], counters: [], gauges: [] });
  expect(observer.seconds()).toHaveLength(60);
  expect(observer.seconds()[0]).toMatchObject({ atMs: 9_000, delivered: 10, p99Ms: 1.5 });
});

it('late sends are looked at in the seconds that count', () => {
  for (const [second, us] of [
    [9_000, 1_000],
    [10_000, 1_900],
    [11_000, 500],
  ] as const)
    observer.add({ histograms: [rows(second, 'send_slip', us)], counters: [], gauges: [] });
  expect(observer.slipP99Ms(9_000, 12_000, () => true)).toBe(1.9);
  expect(observer.slipP99Ms(9_000, 12_000, (atMs) => atMs !== 10_000)).toBe(1);
  expect(observer.slipP99Ms(11_000, 12_000, () => true)).toBe(0.5);
  expect(observer.slipP99Ms(9_000, 12_000, () => false)).toBeNull();
});
