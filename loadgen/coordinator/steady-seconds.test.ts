import { expect, it } from 'vitest';
import type { CounterName } from '../recorder/metrics.ts';
import { RunMetrics } from '../recorder/run-metrics.ts';
import { steadySecondsOf } from './steady-seconds.ts';

it('the backlog is what should have been delivered and was not, since the start of the run', () => {
  const metrics = new RunMetrics([]);
  for (let second = 0; second < 6; second++) {
    const atMs = second * 1_000;
    const phase = second < 2 ? 'warm-up' : 'steady';
    const counter = (metric: CounterName, value: number) =>
      ({ atMs, source: 'agent-0', metric, phase, value }) as const;
    metrics.add({
      histograms: [],
      counters: [counter('deliveries_expected', 100), counter('messages_delivered', 80)],
      gauges: [
        { atMs, source: 'agent-0', metric: 'connections', value: 7 },
        { atMs, source: 'shard-0', metric: 'connections', value: 7 },
      ],
    });
  }
  const seconds = steadySecondsOf(metrics, { startMs: 2_000, endMs: 6_500 });
  expect(seconds.map(({ sent, delivered }) => sent - delivered)).toEqual([60, 80, 100, 120]);
  expect(seconds.map(({ connections }) => connections)).toEqual([7, 7, 7, 7]);
});
