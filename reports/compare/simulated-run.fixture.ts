/** Runs made up second by second, with seconds that resemble their neighbours, for the tests of comparisons. */
import type { Random } from '../../loadgen/random.ts';
import { bucketIndex, highestEquivalentValue } from '../../loadgen/recorder/histogram.ts';
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { CounterRow, HistogramRow } from '../../loadgen/recorder/samples.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import { counterRow, gaugeRow, runStart, runSummary, START_MS } from '../results/results-fixtures.suite.ts';
import type { ResultsStore } from '../results/results-store.ts';
import type { RunSeconds, TrendSeconds } from '../run-seconds.ts';

export interface SimulatedProcess {
  seconds: number;
  /** Messages a second. */
  rate: number;
  /** Correlation of a second's level with that of the one before, 0 to 1. */
  memory: number;
  /** How much levels of seconds differ: standard deviation of the logarithm. Default 0.2. */
  wobble?: number;
  /** How much levels of runs differ, likewise. Default 0. */
  betweenRuns?: number;
  /** All latencies are multiplied by this. Default 1. */
  shift?: number;
}

/** Latencies are lognormal around a level that wanders from second to second (first-order autoregression), median about 5 ms. */
function simulateTrend(process: SimulatedProcess, random: Random): TrendSeconds {
  const { seconds, rate, memory, wobble = 0.2, betweenRuns = 0, shift = 1 } = process;
  const starts = new Uint32Array(seconds + 1);
  const values: number[] = [];
  const counts: number[] = [];
  const ofRun = betweenRuns * random.normal();
  let level = random.normal();
  let maxUs = 0;
  for (let second = 0; second < seconds; second++) {
    level = memory * level + Math.sqrt(1 - memory ** 2) * random.normal();
    const buckets = new Map<number, number>();
    for (let i = 0; i < rate; i++) {
      const us = Math.round(shift * random.lognormal(8.5 + wobble * level + ofRun, 0.5));
      maxUs = Math.max(maxUs, us);
      const bucket = bucketIndex(us);
      buckets.set(bucket, (buckets.get(bucket) ?? 0) + 1);
    }
    for (const [bucket, count] of [...buckets].sort(([x], [y]) => x - y)) {
      values.push(highestEquivalentValue(bucket));
      counts.push(count);
    }
    starts[second + 1] = values.length;
  }
  return { startMs: START_MS, starts, values: Uint32Array.from(values), counts: Float64Array.from(counts), maxUs };
}

export interface SimulatedRun extends SimulatedProcess {
  metrics?: readonly TrendName[];
  /** Changes the summary, or leaves it out: a run that was cut short. */
  summary?: ((summary: RunSummary) => void) | null;
}

/** A whole run. Nothing is lost in it, and each message costs the server 20 us of CPU and the agents 30, more or less. */
export function simulateRun(runId: string, run: SimulatedRun, random: Random): RunSeconds {
  const { seconds, rate, metrics = ['sent_latency', 'delivery_latency'] } = run;
  const start = runStart(runId, { name: runId.replace(/-\d+$/, '') });
  const summary = runSummary(start);
  summary.verdict = 'pass';
  summary.ledger = {
    sent: rate * seconds,
    acknowledged: rate * seconds,
    delivered: rate * seconds,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    pending: 0,
  };
  summary.faults = [];
  if (run.summary) run.summary(summary);
  const each = (value: () => number): Float64Array => Float64Array.from({ length: seconds }, value);
  const counted = each(() => rate + Math.round(Math.sqrt(rate) * random.normal()));
  return {
    runId,
    name: start.name,
    tags: {},
    startedAtMs: START_MS,
    scenario: 'smoke',
    scenarioText: start.scenarioText,
    seed: 1,
    environment: {},
    status: run.summary === null ? 'interrupted' : 'finished',
    summary: run.summary === null ? null : summary,
    startMs: START_MS,
    seconds,
    whole: { from: 0, to: seconds },
    trends: Object.fromEntries(metrics.map((metric) => [metric, simulateTrend(run, random.fork(metric))])),
    counters: { messages_sent: counted, messages_delivered: counted },
    gauges: {
      server_cpu: counted.map((count) => (count * 20 * (1 + 0.05 * random.normal())) / 1e6),
      agent_cpu: counted.map((count) => (count * 30 * (1 + 0.05 * random.normal())) / 1e6),
    },
  };
}

/** Writes a simulated run into a store, as if it had been recorded there; without a summary it stays unfinished. */
export async function storeRun(store: ResultsStore, run: RunSeconds, startedAtMs = START_MS): Promise<void> {
  const start = runStart(run.runId, { name: run.name, tags: run.tags, startedAtMs, scenario: run.scenario });
  await store.startRun(start);
  const at = (second: number): number => START_MS + second * 1000;
  const counters = Object.entries(run.counters).flatMap(([metric, values]) =>
    [...values!].map((value, second) =>
      counterRow({ metric: metric as CounterRow['metric'], atMs: at(second), value }),
    ),
  );
  const gauges = [...(run.gauges.server_cpu ?? [])].map((value, second) => gaugeRow({ atMs: at(second), value }));
  const histograms = Object.entries(run.trends).flatMap(([metric, { starts, values, counts }]) =>
    Array.from({ length: run.seconds }, (_, second): HistogramRow => {
      const own = [starts[second]!, starts[second + 1]!] as const;
      const buckets = { values: [...values.subarray(...own)], counts: [...counts.subarray(...own)] };
      return {
        atMs: at(second),
        source: 'agent-0',
        metric: metric as TrendName,
        phase: 'steady',
        count: buckets.counts.reduce((sum, count) => sum + count, 0),
        sumUs: 0,
        minUs: buckets.values[0] ?? 0,
        maxUs: buckets.values.at(-1) ?? 0,
        ...buckets,
      };
    }),
  );
  await store.write(run.runId, { histograms, counters, gauges });
  if (run.summary === null) return;
  const phases = [{ phase: 'steady', startMs: START_MS, endMs: at(run.seconds) }];
  await store.finishRun(run.runId, { ...run.summary, phases });
}
