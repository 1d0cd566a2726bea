/** A summary of a run that has not ended, as far as charts look at one: its phases and faults so far, its limits, its load. */
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { LiveRun, LiveStatus } from './live-status.ts';

/** Nothing in it is a judgement: it is for `chartData` only. `untilMs`: where the charts end, ms since the epoch. */
export function summarySoFar(run: LiveRun, { phases, faults }: LiveStatus, untilMs: number): RunSummary {
  const startedAt = new Date(run.startedAtMs).toISOString();
  return {
    version: '1.0.0',
    metadata: {
      generatedAt: startedAt,
      plimsollVersion: '',
      runId: run.runId,
      name: run.name,
      tags: {},
      startedAt,
      complete: false,
      machine: {
        cores: run.cores,
        cpu: '',
        memoryBytes: 0,
        node: '',
        kernel: '',
        descriptorLimit: 0,
        sharedMachine: true,
      },
    },
    config: {
      scenario: run.scenario,
      description: run.description,
      seed: 0,
      target: '',
      store: '',
      durability: '',
      durationSeconds: run.steadySeconds,
      connectionsRequested: run.connections,
      rateOffered: run.rateOffered,
      agents: run.agents,
      shards: run.shards,
      derivation: [],
    },
    verdict: 'inconclusive',
    claim: '',
    validity: { valid: true, reasons: [] },
    failures: [],
    notes: [],
    phases: phases
      .filter(({ phase, startMs }) => phase !== 'start' && phase !== 'finish' && startMs < untilMs)
      .map((each) => ({ ...each, endMs: Math.min(each.endMs, untilMs) })),
    results: { metrics: [], thresholds: run.thresholds.map((each) => ({ ...each, value: null, ok: true })) },
    ledger: { sent: 0, acknowledged: 0, delivered: 0, lost: 0, duplicated: 0, reordered: 0, pending: 0 },
    server: { connectionsPeak: 0, cpuSeconds: 0, rssBytesPeak: 0, memoryBytesPerConnection: null },
    generator: { cpuSeconds: 0, rssBytesPeak: 0, memoryBytesPerConnection: null, cpuMicrosecondsPerMessage: null },
    kernel: { memoryBytesPerConnection: null },
    connecting: { seconds: 0, perSecond: 0, failed: 0 },
    faults: [...faults],
  };
}
