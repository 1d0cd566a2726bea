/** A run of a minute, as it would be stored, for the tests of the dashboard. */
import type { CounterName, GaugeName, TrendName } from '../../loadgen/recorder/metrics.ts';
import type { CounterRow, GaugeRow, HistogramRow } from '../../loadgen/recorder/samples.ts';
import {
  batchOf,
  bucketsOf,
  counterRow,
  emptyHistogram,
  gaugeRow,
  histogramRow,
  runStart,
  runSummary,
  START_MS,
} from '../results/results-fixtures.suite.ts';
import type { ResultsStore } from '../results/results-store.ts';

export const SECONDS = 60;
export const AGENTS = ['agent-0', 'agent-1'];
const TRENDS: TrendName[] = ['delivery_latency', 'delivery_latency_service', 'send_slip'];
/** Value within a second. */
const COUNTERS: Partial<Record<CounterName, number>> = {
  messages_sent: 40,
  messages_dropped: 2,
  messages_acknowledged: 39,
  messages_delivered: 38,
};
const GAUGES: Array<[GaugeName, string]> = [
  ['connections', 'agent-0'],
  ['connections', 'agent-1'],
  ['connections', 'shard-0'],
  ['server_cpu', 'shard-0'],
  ['agent_cpu', 'agent-0'],
  ['server_rss_bytes', 'shard-0'],
  ['agent_rss_bytes', 'agent-0'],
  ['machine_cpu', 'machine'],
  ['server_memory_bytes_per_connection', 'shard-0'],
  ['kernel_slab_bytes', 'machine'],
  ['server_loop_delay', 'shard-0'],
  ['agent_loop_delay', 'agent-0'],
];

/** Microseconds of the samples of one second; the second agent is ten times as slow. */
export function samplesOf(agent: string, second: number): number[] {
  const slow = agent === 'agent-1' ? 10 : 1;
  return Array.from({ length: 40 }, (_, index) => slow * (300 + second * 37 + index * index * 29));
}

/** Two runs: `finished`, with its end, and `going`, which has none yet. */
export async function storeRuns(store: ResultsStore): Promise<void> {
  await store.startRun(runStart('going', { startedAtMs: START_MS + 3_600_000 }));
  const start = runStart('finished');
  await store.startRun(start);
  await store.write('finished', batchOf({ histograms: histograms(), counters: counters(), gauges: gauges() }));
  await store.finishRun('finished', runSummary(start));
}

function histograms(): HistogramRow[] {
  return everySecond((atMs, second) =>
    AGENTS.flatMap((source) => {
      const samples = samplesOf(source, second);
      const histogram = emptyHistogram();
      for (const sample of samples) histogram.recordValue(sample);
      const extremes = { count: samples.length, minUs: Math.min(...samples), maxUs: Math.max(...samples) };
      return TRENDS.map((metric) => histogramRow({ atMs, source, metric, ...extremes, ...bucketsOf(histogram) }));
    }),
  );
}

function counters(): CounterRow[] {
  const values = Object.entries(COUNTERS) as Array<[CounterName, number]>;
  return everySecond((atMs) =>
    AGENTS.flatMap((source) => values.map(([metric, value]) => counterRow({ atMs, source, metric, value }))),
  );
}

function gauges(): GaugeRow[] {
  return everySecond((atMs) => GAUGES.map(([metric, source]) => gaugeRow({ atMs, source, metric, value: 100 })));
}

function everySecond<Row>(rowsAt: (atMs: number, second: number) => Row[]): Row[] {
  return Array.from({ length: SECONDS }, (_, second) => rowsAt(START_MS + second * 1_000, second)).flat();
}
