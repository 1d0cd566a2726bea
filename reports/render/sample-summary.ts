/** The summary and the scenario of the made-up run in sample-model.ts. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { RunSummary, TrendMetric } from '../../loadgen/recorder/summary.ts';

export const SHARDS = 3;
export const AGENTS = 3;

export function sampleSummary(
  metrics: TrendMetric[],
  messages: number,
  load: { connections: number; rate: number; steadySeconds: number },
): RunSummary {
  const p99 = (name: TrendName) => metrics.find((metric) => metric.name === name)?.values['p(99)'] ?? null;
  return {
    version: '1.0.0',
    metadata: {
      generatedAt: '2026-03-14T09:28:25.114Z',
      plimsollVersion: '0.1.0',
      runId: '01JPA7V5ZK4T8Q2M9R3W6X1Y0B',
      name: 'fifty-thousand',
      tags: { commit: '4f1c2ab' },
      startedAt: '2026-03-14T09:26:53.000Z',
      complete: true,
      machine: {
        cores: 2,
        cpu: 'AMD EPYC 7B13',
        memoryBytes: 25_276_510_208,
        node: 'v20.20.0',
        kernel: '6.1.0-32-amd64',
        descriptorLimit: 20_000,
        sharedMachine: true,
      },
    },
    config: {
      scenario: 'fifty-thousand',
      description: 'One node holds its slice of 500 million users at the busiest hour of the day',
      seed: 7,
      target: 'ws://127.0.0.1:41873 (embedded node)',
      store: 'level:.plimsoll/data',
      durability: 'fsync',
      durationSeconds: load.steadySeconds,
      connectionsRequested: load.connections,
      rateOffered: load.rate,
      agents: AGENTS,
      shards: SHARDS,
      derivation: [
        '500,000,000 users × 40 messages a day ÷ 86,400 s = 231,481 messages/s over the whole service, on average',
        'busiest hour: × 1.667 = 385,802 messages/s',
        'this node serves 50,000 of 500,000,000 users: ÷ 10,000 = 38.58 messages/s',
        '100-byte messages, one recipient each, conversations across all 3 shard processes',
      ],
    },
    verdict: 'pass',
    claim: `One node held 50,000 connections at the peak rate of 500 million users, lost no message, and delivered 99% of them within ${Math.ceil(p99('delivery_latency') ?? 0)} ms.`,
    validity: { valid: true, reasons: [] },
    failures: [],
    notes: ['Generator and server shared 2 cores, so any limit found here is a lower bound of the server’s own.'],
    phases: [],
    results: {
      metrics: [...metrics],
      thresholds: [
        { metric: 'delivery_latency', threshold: 'p(99)<100', value: p99('delivery_latency'), ok: true },
        { metric: 'sent_latency', threshold: 'p(99)<50', value: p99('sent_latency'), ok: true },
        { metric: 'messages_lost', threshold: 'count==0', value: 0, ok: true },
        { metric: 'connections', threshold: 'value>=50000', value: load.connections, ok: true },
        { metric: 'messages_dropped', threshold: 'rate<0.4', value: 0, ok: true },
      ],
    },
    ledger: {
      sent: messages,
      acknowledged: messages,
      delivered: messages,
      lost: 0,
      duplicated: 0,
      reordered: 0,
      pending: 0,
    },
    server: {
      connectionsPeak: load.connections,
      cpuSeconds: 24.6,
      rssBytesPeak: 334_100_000,
      memoryBytesPerConnection: 2418,
    },
    generator: {
      cpuSeconds: 37.2,
      rssBytesPeak: 410_700_000,
      memoryBytesPerConnection: 4487,
      cpuMicrosecondsPerMessage: 212.4,
    },
    kernel: { memoryBytesPerConnection: 4322 },
    connecting: { seconds: 16.8, perSecond: 2976.2, failed: 0 },
    faults: [],
  };
}

export const SCENARIO_TEXT = `import { defineScenario } from './scenario.ts';

/** One node's slice of 500 million users, at the busiest hour of the day. */
export default defineScenario({
  name: 'fifty-thousand',
  description: 'One node holds its slice of 500 million users at the busiest hour of the day',
  population: { users: 500e6, messagesPerUserPerDay: 40, peakFactor: 1.667 },
  slice: { connections: 50_000 },
  payload: { bytes: 100 },
  phases: { warmUp: '9s', steady: '1m', drain: '4s' },
  thresholds: {
    delivery_latency: ['p(99)<100'],
    sent_latency: ['p(99)<50'],
    messages_lost: ['count==0'],
    connections: ['value>=50000'],
    messages_dropped: ['rate<0.4'],
  },
});
`;
