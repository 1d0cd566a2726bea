import { expect, it } from 'vitest';
import type { CounterName } from '../recorder/metrics.ts';
import { RunMetrics } from '../recorder/run-metrics.ts';
import { offeredDeliveries } from './metric-summaries.ts';

it('a message to a group that was not started is missed by all its members', () => {
  const metrics = new RunMetrics([]);
  const counter = (metric: CounterName, value: number) =>
    ({ atMs: 0, source: 'agent-0', metric, phase: 'steady', value }) as const;
  const counters = [counter('deliveries_expected', 9_000), counter('messages_dropped', 10)];
  metrics.add({ histograms: [], counters, gauges: [] });
  expect(offeredDeliveries(metrics, 100)).toBe(10_000);
});
