import { expect, test } from 'vitest';
import { IntervalRecorder } from './interval-recorder.ts';

test('rows carry exact totals and sparse buckets; a swap starts anew', () => {
  const recorder = new IntervalRecorder('agent-7');
  for (const ms of [0.001, 0.001, 5.0004, 5000.001]) recorder.record('delivery_latency', 'steady', ms);
  recorder.record('delivery_latency', 'drain', 1);
  expect(recorder.swap(1000)).toEqual([
    {
      atMs: 1000,
      source: 'agent-7',
      metric: 'delivery_latency',
      phase: 'steady',
      count: 4,
      sumUs: 5_005_003,
      minUs: 1,
      maxUs: 5_000_001,
      values: [1, 5003, 5_001_215],
      counts: [2, 1, 1],
    },
    {
      atMs: 1000,
      source: 'agent-7',
      metric: 'delivery_latency',
      phase: 'drain',
      count: 1,
      sumUs: 1000,
      minUs: 1000,
      maxUs: 1000,
      values: [1000],
      counts: [1],
    },
  ]);
  expect(recorder.swap(2000)).toEqual([]);
  recorder.record('delivery_latency', 'drain', 2);
  expect(recorder.swap(3000)).toMatchObject([{ count: 1, values: [2000], minUs: 2000 }]);
  recorder.close();
});

test('what is out of range is clamped and counted; NaN is counted only', () => {
  const recorder = new IntervalRecorder('a');
  for (const ms of [0, 0.0002]) recorder.record('send_slip', 'steady', ms);
  expect(recorder.outOfRange).toBe(0);
  for (const ms of [-0.1, -5, 3_600_001, Number.POSITIVE_INFINITY, Number.NaN])
    recorder.record('send_slip', 'steady', ms);
  expect(recorder.outOfRange).toBe(5);
  expect(recorder.swap(0)).toMatchObject([{ count: 6, minUs: 1, maxUs: 3_600_000_000, counts: [4, 2] }]);
  recorder.close();
});
