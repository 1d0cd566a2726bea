import { expect, it } from 'vitest';
import type { CounterName } from '../recorder/metrics.ts';
import { RunMetrics } from '../recorder/run-metrics.ts';
import { metricSummaries, offeredDeliveries } from './metric-summaries.ts';

it('a message to a group that was not started is missed by all its members', () => {
  const metrics = new RunMetrics([]);
  const counter = (metric: CounterName, value: number) =>
    ({ atMs: 0, source: 'agent-0', metric, phase: 'steady', value }) as const;
  const counters = [counter('deliveries_expected', 9_000), counter('messages_dropped', 10)];
  metrics.add({ histograms: [], counters, gauges: [] });
  expect(offeredDeliveries(metrics, 100)).toBe(10_000);
});

it('no percentile lies above the largest sample, though its bucket ends there', () => {
  const metrics = new RunMetrics([]);
  const sample = { count: 1, sumUs: 241_900, minUs: 241_900, maxUs: 241_900, values: [241_919], counts: [1] };
  metrics.add({
    histograms: [{ atMs: 0, source: 'agent-0', metric: 'delivery_latency', phase: 'steady', ...sample }],
    counters: [],
    gauges: [],
  });
  const [delivery] = metricSummaries(metrics, { startMs: 0, endMs: 1_000 });
  expect(delivery).toMatchObject({ name: 'delivery_latency', values: { 'p(99)': 241.9, med: 241.9, max: 241.9 } });
});
