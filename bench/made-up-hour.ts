/** Rows as a run of several agents produces them, second by second, without the run. */

import { createRandom, type Random } from '../loadgen/random.ts';
import type { CounterRow, GaugeRow, HistogramRow, SampleBatch } from '../loadgen/recorder/samples.ts';

export interface MadeUpLoad {
  agents: number;
  seconds: number;
  /** Samples of each metric that each agent has in a second. */
  samplesPerSecond: number;
  startMs: number;
}

export const MADE_UP_TRENDS = [
  'sent_latency',
  'delivery_latency',
  'delivered_latency',
  'sent_latency_service',
  'delivery_latency_service',
  'delivered_latency_service',
  'send_slip',
  'http_req_duration',
] as const;
const COUNTERS = ['messages_sent', 'messages_acknowledged', 'messages_delivered', 'deliveries_expected'] as const;
const GAUGES = ['connections', 'agent_cpu', 'agent_rss_bytes', 'agent_loop_delay'] as const;

/** Medians, µs: a metric has one of its own, which drifts slowly and differs between agents. */
const MEDIANS = [2_000, 3_000, 6_000, 1_500, 2_500, 5_500, 300, 9_000];
const SIGMA = 0.5;
const DRIFT_SECONDS = 600;

/** One batch a second, as a coordinator hands them on. */
export function* madeUpSeconds({ agents, seconds, samplesPerSecond, startMs }: MadeUpLoad): Generator<SampleBatch> {
  const random = createRandom(1);
  const latencies = new Latencies(random);
  for (let second = 0; second < seconds; second++) {
    const atMs = startMs + second * 1_000;
    const batch: SampleBatch = { histograms: [], counters: [], gauges: [] };
    for (let agent = 0; agent < agents; agent++) {
      const source = `agent-${agent}`;
      const drift = 1 + 0.3 * Math.sin((2 * Math.PI * second) / DRIFT_SECONDS + agent);
      for (const [index, metric] of MADE_UP_TRENDS.entries())
        batch.histograms.push(latencies.row({ atMs, source, metric }, MEDIANS[index]! * drift, samplesPerSecond));
      batch.counters.push(...COUNTERS.map((metric) => counter(atMs, source, metric, samplesPerSecond)));
      batch.gauges.push(...GAUGES.map((metric) => gauge(atMs, source, metric, random)));
    }
    yield batch;
  }
}

function counter(atMs: number, source: string, metric: CounterRow['metric'], value: number): CounterRow {
  return { atMs, source, metric, phase: 'steady', value };
}

function gauge(atMs: number, source: string, metric: GaugeRow['metric'], random: Random): GaugeRow {
  return { atMs, source, metric, value: metric === 'connections' ? 5_000 : 0.1 + 0.01 * random.uniform() };
}

/** Lognormal samples in the buckets of an HdrHistogram of three digits; drawn from a table, for there are hundreds of millions. */
class Latencies {
  static readonly #TABLE = 65_536;
  static readonly #BUCKETS = 32_768;
  readonly #random: Random;
  readonly #factors: Float64Array;
  readonly #counts = new Uint32Array(Latencies.#BUCKETS);

  constructor(random: Random) {
    this.#random = random;
    this.#factors = Float64Array.from({ length: Latencies.#TABLE }, () => random.lognormal(0, SIGMA));
  }

  row(place: Pick<HistogramRow, 'atMs' | 'source' | 'metric'>, medianUs: number, samples: number): HistogramRow {
    const row: HistogramRow = {
      ...place,
      phase: 'steady',
      count: samples,
      sumUs: 0,
      minUs: Number.POSITIVE_INFINITY,
      maxUs: 0,
      values: [],
      counts: [],
    };
    for (let i = 0; i < samples; i++) {
      const us = Math.max(1, Math.round(medianUs * this.#factors[this.#random.integer(Latencies.#TABLE)]!));
      row.sumUs += us;
      row.minUs = Math.min(row.minUs, us);
      row.maxUs = Math.max(row.maxUs, us);
      this.#counts[bucketOf(us)]!++;
    }
    for (let bucket = bucketOf(row.minUs); bucket <= bucketOf(row.maxUs); bucket++) {
      if (this.#counts[bucket] === 0) continue;
      row.values.push(highestOf(bucket));
      row.counts.push(this.#counts[bucket]!);
      this.#counts[bucket] = 0;
    }
    return row;
  }
}

/** HdrHistogram's layout for three digits: 2,048 values of 1 µs, then 1,024 for each doubling. */
const HALF = 1_024;

function bucketOf(us: number): number {
  const doublings = Math.max(0, 31 - Math.clz32(us) - 10);
  return doublings * HALF + (us >>> doublings);
}

/** The highest value, µs, that falls into a bucket. */
function highestOf(bucket: number): number {
  const doublings = Math.max(0, Math.floor(bucket / HALF) - 1);
  return (bucket - doublings * HALF + 1) * 2 ** doublings - 1;
}
