/** Each of the ready queries, asked of a small run whose answers were worked out by hand. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { MetricSummary } from '../../loadgen/recorder/summary.ts';
import {
  batchOf,
  counterRow,
  gaugeRow,
  histogramRow,
  runStart,
  runSummary,
  START_MS,
} from '../results/results-fixtures.suite.ts';
import type { ResultsStore } from '../results/results-store.ts';
import { readyQueries } from './ready-queries.ts';

const QUERIES = readyQueries(import.meta.dirname);
const STARTED = '2024-11-21 12:00:00.000';
/** The run is of 2024. */
const LONG_AGO = { days: '36500' };

/** Agent 0: 1, 2 and 3 ms in the first and second second, 5 ms in the third, of a stream; agent 1: 9 ms in the second. */
const HISTOGRAMS = [
  histogramRow(),
  histogramRow({ atMs: START_MS + 1000 }),
  sample(5000, 5003, { atMs: START_MS + 2000, scenario: 'groups' }),
  sample(9000, 9007, { atMs: START_MS + 1000, source: 'agent-1' }),
  sample(100, 100, { atMs: START_MS + 1000, metric: 'send_slip' }),
  sample(2000, 2000, { atMs: START_MS + 1000, metric: 'delivery_latency_service' }),
  sample(700, 700, { metric: 'delivery_latency', phase: 'drain', atMs: START_MS + 90_000 }),
];

const COUNTERS = [
  counterRow(),
  counterRow({ source: 'agent-1', value: 4 }),
  counterRow({ phase: 'warm-up', value: 2 }),
  counterRow({ metric: 'messages_dropped', value: 1 }),
  counterRow({ metric: 'messages_acknowledged', value: 6 }),
  counterRow({ metric: 'deliveries_expected', value: 14, atMs: START_MS + 1000 }),
  counterRow({ metric: 'messages_delivered', value: 13, atMs: START_MS + 1000 }),
];

const GAUGES = [
  gaugeRow({ source: 'shard-0', metric: 'connections', value: 100 }),
  gaugeRow({ source: 'shard-0', metric: 'connections', value: 300, atMs: START_MS + 1000 }),
  gaugeRow({ source: 'shard-0', metric: 'server_cpu', value: 0.5 }),
  gaugeRow({ source: 'shard-0', metric: 'server_cpu', value: 0.5, atMs: START_MS + 1000 }),
  gaugeRow({ source: 'shard-0', metric: 'server_rss_bytes', value: 2 ** 30 }),
  gaugeRow({ source: 'shard-1', metric: 'connections', value: 100 }),
  gaugeRow({ source: 'shard-1', metric: 'server_cpu', value: 1.5, atMs: START_MS + 1000 }),
  gaugeRow({ source: 'shard-1', metric: 'server_loop_delay', value: 12 }),
  gaugeRow({ source: 'agent-0', metric: 'agent_cpu', value: 0.5 }),
  gaugeRow({ source: 'agent-0', metric: 'agent_cpu', value: 1, atMs: START_MS + 1000 }),
  gaugeRow({ source: 'agent-0', metric: 'agent_loop_delay', value: 3 }),
];

/** Computed of a whole run: no row has it. */
const COST: MetricSummary = {
  name: 'server_cpu_microseconds_per_message',
  type: 'gauge',
  contains: 'default',
  values: { value: 17.5, min: 12, max: 30 },
};

interface Known {
  query: string;
  parameters?: Record<string, string>;
  rows: unknown[][];
}

const ANSWERS: Known[] = [
  {
    query: 'p99-around-fault',
    rows: [
      ['kill-shard', 1, -1, 3, 2, 3.001, 3],
      ['kill-shard', 1, 0, 4, 2, 9.007, 9],
      ['kill-shard', 1, 1, 1, 5.003, 5.003, 5],
    ],
  },
  {
    query: 'slow-agent',
    rows: [
      ['agent-1', 1, 9.007, 9.007, 9, null, null],
      ['agent-0', 7, 2, 5.003, 5, 0.75, 3],
    ],
  },
  {
    query: 'runs-side-by-side',
    parameters: { ...LONG_AGO, scenario: 'ready' },
    rows: [['ready', STARTED, 'name of ready', 'ready', 'fail', 49_999, 8, 2, 9.007, 9.007, 9]],
  },
  {
    query: 'shard-balance',
    rows: [
      ['shard-0', 300, 0.75, 0.5, 0.25, 2 ** 30, null],
      ['shard-1', 100, 0.25, 1.5, 0.75, null, 12],
    ],
  },
  {
    query: 'latency-and-cpu',
    rows: [
      [0, 3.001, 0.5, 0.5, 0, expect.closeTo(0.844253, 6)],
      [1, 9.007, 2, 1, 1, expect.closeTo(0.844253, 6)],
      [2, 5.003, 0, 0, 0, expect.closeTo(0.844253, 6)],
      [90, 0.7, 0, 0, 0, expect.closeTo(0.844253, 6)],
    ],
  },
  {
    query: 'percentiles-of-window',
    parameters: { from: '1', to: '2' },
    rows: [[4, 3.75, 1, 2, 9.007, 9.007, 9.007, 9.007, 9]],
  },
  {
    query: 'percentiles-of-window',
    parameters: { agents: 'agent-1,agent-7' },
    rows: [[1, 9, 9, 9.007, 9.007, 9.007, 9.007, 9.007, 9]],
  },
  {
    query: 'percentiles-of-window',
    parameters: { from: '60', to: '95', phase: '' },
    rows: [[1, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7]],
  },
  {
    query: 'percentiles-of-window',
    parameters: { from: '60', to: '95' },
    rows: [[0, null, null, null, null, null, null, null, null]],
  },
  {
    query: 'cost-per-connection',
    parameters: { ...LONG_AGO, scenario: 'ready' },
    rows: [['ready', STARTED, 'ready', 49_999, 7777.5, 4096, null, 17.5]],
  },
  {
    query: 'failed-thresholds',
    parameters: LONG_AGO,
    rows: [['ready', STARTED, 'ready', 'delivery_latency', 'p(99)<100', 123.456, null]],
  },
  {
    query: 'offered-and-achieved',
    rows: [
      [0, 'steady', 10, 9, 1, 6, 0, 0],
      [1, 'steady', 0, 0, 0, 0, 14, 13],
    ],
  },
  {
    query: 'send-slip',
    rows: [
      [0, null, null, 3.001, null, null],
      [1, 0.1, 0.1, 9.007, 2, expect.closeTo(0.1 / 9.007, 12)],
      [2, null, null, 5.003, null, null],
      [90, null, null, 0.7, null, null],
    ],
  },
  {
    query: 'streams',
    rows: [
      ['', 7, 2, 9.007, 9.007, 9],
      ['groups', 1, 5.003, 5.003, 5.003, 5],
    ],
  },
  {
    query: 'judgements',
    parameters: LONG_AGO,
    rows: [
      [
        'ready',
        STARTED,
        'fail',
        'One node does not hold 50,000 connections.',
        [],
        ['p(99)<100 was 123.4'],
        ['a note'],
        '2',
        '',
        '6.1 "x"',
      ],
    ],
  },
  {
    query: 'limits-found',
    rows: [['2024-11-21 12:00:09.000', 'ready', 'p(99)<100', 700, 690, 710, 0.95, 'shard', 'shard 1 at 100%', 1, true]],
  },
];

export function readyQueriesSuite(storeOf: () => ResultsStore): void {
  describe('the ready queries', () => {
    beforeAll(async () => {
      const store = storeOf();
      const start = runStart('ready', { scenario: 'ready', environment: { cores: 2, kernel: '6.1 "x"' } });
      await store.startRun(start);
      await store.write('ready', batchOf({ histograms: HISTOGRAMS, counters: COUNTERS, gauges: GAUGES }));
      const faults = [{ kind: 'kill-shard', atSeconds: 1, recoverySeconds: 1.25, lost: 0 }];
      const summary = { ...runSummary(start), notes: ['a note'], faults };
      summary.results.metrics.push(COST);
      await store.finishRun('ready', summary);
      await store.saveSearch({
        searchId: 'ready',
        startedAtMs: START_MS + 9000,
        axis: 'ready',
        objective: 'p(99)<100',
        low: 690,
        high: 710,
        limit: 700,
        confidence: 0.95,
        ranOut: 'shard',
        evidence: 'shard 1 at 100%',
        complete: true,
        points: [{ level: 690, runId: 'ready', verdict: 'held' }],
      });
    });

    it.each(ANSWERS)('$query answers as worked out by hand ($parameters)', async ({ query, parameters = {}, rows }) => {
      const answer = await ask(query, parameters);
      expect(answer.rows.filter((row) => !OF_ALL_RUNS.has(query) || row.includes('ready'))).toEqual(rows);
    });

    it.each(QUERIES)('$name says what it takes and gives', async ({ name, question, parameters, columns, sql }) => {
      expect(question).toMatch(/\?/);
      const used = new Set([...sql.matchAll(/\{(\w+):/g)].map((match) => match[1]));
      expect([...used].sort()).toEqual(parameters.map((parameter) => parameter.name).sort());
      const described = new Set(columns.split(/[\s,;():.]+/));
      const { columns: given } = await ask(name, {});
      expect(given.map((column) => column.name).filter((column) => !described.has(column))).toEqual([]);
    });

    async function ask(name: string, given: Record<string, string>) {
      const { sql, parameters } = QUERIES.find((query) => query.name === name)!;
      const defaults = Object.fromEntries(parameters.map((parameter) => [parameter.name, parameter.value ?? 'ready']));
      return storeOf().query(sql, { ...defaults, ...given });
    }
  });
}

/** Of all runs of the store, those of other tests included. */
const OF_ALL_RUNS = new Set(['failed-thresholds', 'judgements', 'limits-found']);

function sample(us: number, bucket: number, fields: Parameters<typeof histogramRow>[0]) {
  return histogramRow({ count: 1, sumUs: us, minUs: us, maxUs: us, values: [bucket], counts: [1], ...fields });
}
