/** Made-up runs for the tests of results stores. */
import { build, type JsHistogram } from 'hdr-histogram-js';
import type { CounterRow, GaugeRow, HistogramRow, SampleBatch } from '../../loadgen/recorder/samples.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { RunStart } from './results-store.ts';

/** Hard on anything that builds SQL, JSON or tab-separated text by hand. */
export const AWKWARD_TEXT =
  'it\'s "quoted" \\ back\\nslash\nnew line\ttab {run:String} % ? ; -- é 漢字 🚢 \u0001\u0000 end';

export const START_MS = Date.UTC(2024, 10, 21, 12, 0, 0, 0);

/** An HdrHistogram as every recorder keeps it: 3 significant digits, 1 us to 3,600 s. */
export function emptyHistogram(): JsHistogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
  }) as JsHistogram;
}

/** The occupied buckets of a histogram, as a row carries them. */
export function bucketsOf(histogram: JsHistogram): { values: number[]; counts: number[] } {
  const values: number[] = [];
  const counts: number[] = [];
  for (let index = 0; index < histogram.countsArrayLength; index++) {
    const count = histogram.getCountAtIndex(index);
    if (count === 0) continue;
    values.push(histogram.highestEquivalentValue(histogram.valueFromIndex(index)));
    counts.push(count);
  }
  return { values, counts };
}

/** Any row of which only some fields matter; by default three samples of 1, 2 and 3 ms. */
export function histogramRow(fields: Partial<HistogramRow> = {}): HistogramRow {
  return {
    atMs: START_MS,
    source: 'agent-0',
    metric: 'delivery_latency',
    phase: 'steady',
    count: 3,
    sumUs: 6000,
    minUs: 1000,
    maxUs: 3000,
    values: [1000, 2000, 3001],
    counts: [1, 1, 1],
    ...fields,
  };
}

export function counterRow(fields: Partial<CounterRow> = {}): CounterRow {
  return { atMs: START_MS, source: 'agent-0', metric: 'messages_sent', phase: 'steady', value: 3, ...fields };
}

export function gaugeRow(fields: Partial<GaugeRow> = {}): GaugeRow {
  return { atMs: START_MS, source: 'node', metric: 'server_cpu', value: 0.1 + 0.2, ...fields };
}

export function batchOf(fields: Partial<SampleBatch>): SampleBatch {
  return { histograms: [], counters: [], gauges: [], ...fields };
}

export function runStart(runId: string, fields: Partial<RunStart> = {}): RunStart {
  return {
    runId,
    name: `name of ${runId}`,
    tags: {},
    startedAtMs: START_MS,
    scenario: 'smoke',
    scenarioText: 'export default {};',
    command: 'plimsoll run smoke',
    seed: 1,
    config: { agents: 1 },
    environment: { cores: 2 },
    ...fields,
  };
}

export function runSummary(start: RunStart): RunSummary {
  return {
    version: '1.0.0',
    metadata: {
      generatedAt: new Date(start.startedAtMs + 60_000).toISOString(),
      plimsollVersion: '0.1.0',
      runId: start.runId,
      name: start.name,
      tags: start.tags,
      startedAt: new Date(start.startedAtMs).toISOString(),
      complete: true,
      machine: {
        cores: 2,
        cpu: 'a cpu',
        memoryBytes: 2 ** 34,
        node: 'v20',
        kernel: '6.1',
        descriptorLimit: 20_000,
        sharedMachine: true,
      },
    },
    config: {
      scenario: start.scenario,
      description: AWKWARD_TEXT,
      seed: start.seed,
      target: 'embedded',
      store: 'memory:',
      durability: 'fsync',
      durationSeconds: 60,
      connectionsRequested: 50_000,
      rateOffered: 34.7,
      agents: 3,
      shards: 3,
      derivation: ['500M × 40 ÷ 86,400'],
    },
    verdict: 'fail',
    claim: 'One node does not hold 50,000 connections.',
    validity: { valid: true, reasons: [] },
    failures: ['p(99)<100 was 123.4'],
    notes: [],
    phases: [{ phase: 'steady', startMs: start.startedAtMs, endMs: start.startedAtMs + 60_000 }],
    results: {
      metrics: [
        {
          name: 'delivery_latency',
          type: 'trend',
          contains: 'time',
          values: {
            count: 3,
            avg: 2,
            min: 1,
            med: 2,
            max: 3,
            'p(90)': 3,
            'p(95)': 3,
            'p(99)': 123.456,
            'p(99.9)': 124,
          },
          histogram: 'HISTFAAA',
        },
      ],
      thresholds: [
        { metric: 'delivery_latency', threshold: 'p(99)<100', value: 123.456, ok: false },
        { metric: 'resume_latency', threshold: 'p(99)<100', value: null, ok: true },
      ],
    },
    ledger: { sent: 7, acknowledged: 6, delivered: 5, lost: 1, duplicated: 2, reordered: 3, pending: 1 },
    server: { connectionsPeak: 49_999, cpuSeconds: 12.5, rssBytesPeak: 2 ** 30, memoryBytesPerConnection: 7777.5 },
    generator: { cpuSeconds: 9, rssBytesPeak: 2 ** 29, memoryBytesPerConnection: null, cpuMicrosecondsPerMessage: 17 },
    kernel: { memoryBytesPerConnection: 4096 },
    connecting: { seconds: 10, perSecond: 5000, failed: 1 },
    faults: [{ kind: 'kill-shard', atSeconds: 20, recoverySeconds: 1.25, lost: 0 }],
  };
}
