import { expect, it } from 'vitest';
import { gaugeTotals } from './gauge-totals.ts';
import type { GaugeName } from './metrics.ts';
import type { GaugeRow } from './samples.ts';

function rows(metric: GaugeName, readings: Record<string, Array<[second: number, value: number]>>): GaugeRow[] {
  return Object.entries(readings).flatMap(([source, values]) =>
    values.map(([second, value]) => ({ atMs: second * 1_000, source, metric, value })),
  );
}

it.each<[string, GaugeName, Record<string, Array<[number, number]>>, Array<[number, number]>]>([
  ['adds up sources', 'server_cpu', { 'shard-0': [[1, 0.5]], 'shard-1': [[1, 0.25]] }, [[1, 0.75]]],
  [
    'keeps what a source said last while it is late',
    'server_rss_bytes',
    {
      node: [
        [1, 1],
        [2, 1],
        [3, 1],
      ],
      'shard-0': [
        [1, 10],
        [3, 30],
      ],
    },
    [
      [1, 11],
      [2, 11],
      [3, 31],
    ],
  ],
  [
    'forgets a source that is gone',
    'server_rss_bytes',
    {
      node: [
        [1, 1],
        [5, 1],
        [6, 1],
      ],
      'shard-0': [[1, 10]],
    },
    [
      [1, 11],
      [5, 11],
      [6, 1],
    ],
  ],
  ['takes the worst delay', 'agent_loop_delay', { 'agent-0': [[1, 4]], 'agent-1': [[1, 9]] }, [[1, 9]]],
  [
    'counts connections once, at the agents',
    'connections',
    { 'agent-0': [[1, 5]], 'agent-1': [[1, 5]], 'shard-0': [[1, 9]] },
    [[1, 10]],
  ],
  ['takes the server’s connections where there is nothing else', 'connections', { 'shard-0': [[1, 9]] }, [[1, 9]]],
  [
    'takes the last of two readings in a second',
    'server_cpu',
    {
      node: [
        [1.1, 1],
        [1.9, 2],
      ],
    },
    [[1, 2]],
  ],
  ['is empty without rows', 'server_cpu', {}, []],
])('%s', (_, metric, readings, totals) => {
  const shuffled = rows(metric, readings).reverse();
  expect(gaugeTotals(metric, shuffled).map(({ atMs, value }) => [atMs / 1_000, value])).toEqual(totals);
});
