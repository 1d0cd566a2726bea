/** A made-up but realistic run for the tests of the renderers: the same options always give the same model. */
import type { GaugeName, TrendName } from '../../loadgen/recorder/metrics.ts';
import type { RunSummary, TrendMetric } from '../../loadgen/recorder/summary.ts';
import type { Distribution, ReportModel } from '../report-model.ts';
import { distribution, heatMaps, lognormal, mulberry32, point, sumPerSecond, trend } from './sample-statistics.ts';
import { AGENTS, SCENARIO_TEXT, SHARDS, sampleSummary } from './sample-summary.ts';

export interface SampleOptions {
  connections?: number;
  /** Messages per second. */
  rate?: number;
  steadySeconds?: number;
  /** Length of a stall of the server in the middle of the steady phase, ms. */
  stallMs?: number;
  summary?: (summary: RunSummary) => void;
}

const START_MS = Date.UTC(2026, 2, 14, 9, 26, 53);
const CONNECT_SECONDS = 17;
const WARM_UP_SECONDS = 9;
const DRAIN_SECONDS = 4;
const COUNTED = ['messages_sent', 'messages_acknowledged', 'messages_delivered', 'deliveries_expected'] as const;

/** By default 50,000 connections at the seeds' peak rate: 90 s in all, 60 of them steady. */
export function sampleModel(options: SampleOptions = {}): ReportModel {
  const { connections = 50_000, rate = 38.58, steadySeconds = 60, stallMs = 41 } = options;
  const random = mulberry32(7);
  const loadFrom = CONNECT_SECONDS;
  const steadyFrom = CONNECT_SECONDS + WARM_UP_SECONDS;
  const steadyTo = steadyFrom + steadySeconds;
  const end = steadyTo + DRAIN_SECONDS;

  const recorded = new Map<TrendName, number[][]>();
  const record = (metric: TrendName, second: number, ms: number) => {
    const seconds =
      recorded.get(metric) ??
      recorded
        .set(
          metric,
          Array.from({ length: end }, () => []),
        )
        .get(metric)!;
    seconds[second]!.push(ms);
  };
  const counters: Record<string, number[]> = {};
  const add = (name: string, second: number, value: number) => {
    counters[name] ??= Array.from({ length: end }, () => 0);
    counters[name][second]! += value;
  };

  for (let second = 0; second < CONNECT_SECONDS; second++) {
    for (let i = 0; i < 40; i++) record('connect_latency', second, lognormal(random, 3.4, 0.55) + second * 0.05);
  }
  const stallAt = steadyFrom + Math.floor(steadySeconds * 0.62);
  let ledgerCount = 0;
  for (let second = loadFrom; second < steadyTo; second++) {
    const sends = Math.floor(rate * (second - loadFrom + 1)) - Math.floor(rate * (second - loadFrom));
    ledgerCount += sends;
    for (const name of COUNTED) add(name, second, sends);
    for (let i = 0; i < sends; i++) {
      const stall =
        second === stallAt && stallMs > 0 ? Math.max(0, stallMs - (i / sends) * Math.max(1000, stallMs)) : 0;
      const slip = lognormal(random, 0.35, 0.4);
      const sent = lognormal(random, 4.6, 0.42) + stall;
      const delivery = sent + lognormal(random, 1.8, 0.6);
      const delivered = delivery + lognormal(random, 2.1, 0.5);
      record('send_slip', second, slip);
      record('sent_latency_service', second, sent);
      record('delivery_latency_service', second, delivery);
      record('delivered_latency_service', second, delivered);
      record('sent_latency', second, sent + slip);
      record('delivery_latency', second, delivery + slip);
      record('delivered_latency', second, delivered + slip);
    }
  }
  const at = (second: number) => START_MS + second * 1000;
  const percentiles: ReportModel['percentiles'] = {};
  const distributions: Distribution[] = [];
  const metrics: TrendMetric[] = [];
  for (const [metric, seconds] of recorded) {
    percentiles[metric] = seconds.flatMap((samples, second) =>
      samples.length === 0 ? [] : [point(at(second), samples)],
    );
    const steady = metric === 'connect_latency' ? seconds.flat() : seconds.slice(steadyFrom, steadyTo).flat();
    distributions.push(distribution(metric, metric === 'connect_latency' ? 'all' : 'steady', steady));
    metrics.push({
      name: metric,
      type: 'trend',
      contains: 'time',
      values: trend(steady),
      histogram: 'HISTFAAAABd42pNpmSzMwMDAxAABzFCaEQA',
    });
  }

  const open = (second: number) => Math.round(connections * Math.min(1, (second + 1) / CONNECT_SECONDS));
  const gauges: ReportModel['gauges'] = {};
  const gauge = (name: GaugeName, source: string, value: (second: number) => number) => {
    gauges[name] ??= {};
    gauges[name][source] = Array.from({ length: end }, (_, second) => ({ atMs: at(second), value: value(second) }));
  };
  const noise = (scale: number) => 1 + (random() - 0.5) * scale;
  for (let agent = 0; agent < AGENTS; agent++) {
    const busy = (second: number) => (second < CONNECT_SECONDS ? 0.46 : 0.05 + rate * 0.00003);
    gauge('connections', `agent-${agent}`, (second) => Math.floor((open(second) + agent) / AGENTS));
    gauge('agent_cpu', `agent-${agent}`, (second) => busy(second) * noise(0.3));
    gauge('agent_rss_bytes', `agent-${agent}`, (second) => 62e6 + (open(second) / AGENTS) * 4480 * noise(0.01));
    gauge('agent_loop_delay', `agent-${agent}`, (second) => (second < CONNECT_SECONDS ? 3.1 : 1.2) * noise(0.6));
  }
  for (let shard = 0; shard < SHARDS; shard++) {
    const stalled = (second: number) => (second === stallAt && shard === 1 ? stallMs : 0);
    gauge(
      'server_cpu',
      `shard-${shard}`,
      (second) => (second < CONNECT_SECONDS ? 0.31 : 0.035 + rate * 0.00004) * noise(0.35),
    );
    gauge('connections', `shard-${shard}`, (second) => Math.floor((open(second) + shard) / SHARDS));
    gauge('server_messages', `shard-${shard}`, (second) => (second < loadFrom ? 0 : rate / SHARDS) * noise(0.1));
    gauge(
      'server_rss_bytes',
      `shard-${shard}`,
      (second) => 71e6 + ((second === 0 ? 0 : open(second)) / SHARDS) * 2410 * noise(0.01),
    );
    gauge(
      'server_loop_delay',
      `shard-${shard}`,
      (second) => (second < CONNECT_SECONDS ? 2.2 : 1.15) * noise(0.5) + stalled(second),
    );
  }
  gauge('kernel_slab_bytes', 'machine', (second) => 410e6 + (second === 0 ? 0 : open(second)) * 4310 * noise(0.002));
  gauge('kernel_socket_bytes', 'machine', (second) => 1.2e6 + open(second) * 12 * noise(0.2));

  const summary = sampleSummary(metrics, ledgerCount, { connections, rate, steadySeconds });
  summary.phases = [
    { phase: 'connect', startMs: at(0), endMs: at(CONNECT_SECONDS) },
    { phase: 'warm-up', startMs: at(CONNECT_SECONDS), endMs: at(steadyFrom) },
    { phase: 'steady', startMs: at(steadyFrom), endMs: at(steadyTo) },
    { phase: 'drain', startMs: at(steadyTo), endMs: at(end) },
  ];
  for (const name of ['messages_sent', 'messages_acknowledged', 'messages_delivered'] as const) {
    summary.results.metrics.push({ name, type: 'counter', contains: 'default', values: { count: ledgerCount, rate } });
  }
  for (const name of [
    'connections',
    'server_cpu',
    'agent_cpu',
    'server_rss_bytes',
    'agent_rss_bytes',
    'kernel_slab_bytes',
  ] as const) {
    const values = sumPerSecond(gauges[name]!, end);
    const contains = name.endsWith('_bytes') ? 'data' : 'default';
    const value = values.at(-1)!;
    summary.results.metrics.push({
      name,
      type: 'gauge',
      contains,
      values: { value, min: Math.min(...values), max: Math.max(...values) },
    });
  }
  options.summary?.(summary);

  return {
    runId: summary.metadata.runId,
    status: 'finished',
    summary,
    scenarioText: SCENARIO_TEXT,
    command: 'plimsoll run scenarios/fifty-thousand.ts --seed 7 --tag commit=4f1c2ab',
    percentiles,
    counters: Object.fromEntries(
      Object.entries(counters).map(([name, values]) => [
        name,
        values.map((value, second) => ({ atMs: at(second), value })),
      ]),
    ),
    gauges,
    distributions,
    heatMaps: heatMaps(START_MS, recorded),
    stepSeconds: 1,
  };
}

/** A run in which everybody connected and nobody sent. */
export function sampleModelWithoutMessages(): ReportModel {
  return sampleModel({
    rate: 0,
    summary: (summary) => {
      summary.verdict = 'inconclusive';
      summary.claim = '50,000 connections were held on one node, but no message was sent, so latency is not known.';
      summary.failures = ['No message was sent: the scenario’s rate is zero.'];
      summary.validity = { valid: false, reasons: ['The steady phase has no samples to judge.'] };
      for (const threshold of summary.results.thresholds) {
        if (threshold.metric.endsWith('_latency')) Object.assign(threshold, { value: null, ok: false });
      }
    },
  });
}

/** A run whose coordinator died in the steady phase, before it could judge: no summary. */
export function sampleModelInterrupted(): ReportModel {
  return { ...sampleModel({ steadySeconds: 14 }), status: 'interrupted', summary: null };
}
