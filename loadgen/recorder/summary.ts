/** The machine-readable result of a run (`--summary-json`): k6's summary shape with what k6 lacks. */
import type { MetricName } from './metrics.ts';

export type Verdict = 'pass' | 'fail' | 'inconclusive';

export interface TrendValues {
  count: number;
  avg: number;
  min: number;
  med: number;
  max: number;
  'p(90)': number;
  'p(95)': number;
  'p(99)': number;
  'p(99.9)': number;
}

export interface TrendMetric {
  name: MetricName;
  type: 'trend';
  contains: 'time';
  /** Milliseconds. Steady phase only, except for `connect_latency` (the whole run). */
  values: TrendValues;
  /** HdrHistogram V2 of the same samples, microseconds, compressed, base64. */
  histogram: string;
}

export interface CounterMetric {
  name: MetricName;
  type: 'counter';
  contains: 'default';
  /** `count` over the whole run, `rate` per second of the steady phase. */
  values: { count: number; rate: number };
}

export interface RateMetric {
  name: MetricName;
  type: 'rate';
  contains: 'default';
  /** Over the steady phase. As in k6, `passes` counts what the metric names and `fails` the rest. */
  values: { rate: number; passes: number; fails: number };
}

export interface GaugeMetric {
  name: MetricName;
  type: 'gauge';
  contains: 'default' | 'data' | 'time';
  values: { value: number; min: number; max: number };
}

export type MetricSummary = TrendMetric | CounterMetric | RateMetric | GaugeMetric;

/** What was measured of one stream of messages. */
export interface ScenarioSummary {
  /** Its name in the scenario. */
  name: string;
  /** Trends that have samples, and counters that counted. */
  metrics: MetricSummary[];
}

export interface ThresholdResult {
  metric: string;
  threshold: string;
  /** What was measured; null when nothing was. */
  value: number | null;
  ok: boolean;
  /** Seconds after the start of the load at which it ended the run (`abortOnFail`); left out: it did not. */
  endedRunAtSeconds?: number;
}

/**
 * Totals over the whole run. They count deliveries owed: one for each message and receiving device, so that a message to a user
 * of two devices counts twice, and one to a group of ten, of one device each, nine times (its sender is owed none). Without groups
 * and with one device each that is the number of messages. Every delivery owed is in exactly one of delivered, lost, pending.
 */
export interface LedgerTotals {
  sent: number;
  acknowledged: number;
  /** Distinct messages that arrived, at each device. */
  delivered: number;
  /** Acknowledged, but never arrived. */
  lost: number;
  duplicated: number;
  reordered: number;
  /** Neither acknowledged nor arrived when the run ended (a send whose outcome is unknown). */
  pending: number;
}

export interface FaultResult {
  kind: string;
  /** Since the start of the steady phase. */
  atSeconds: number;
  /** From the fault's beginning until delivery was normal again; null: it was not by the end of the run, or nothing was broken. */
  recoverySeconds: number | null;
  /** Messages that the run lost. The ledger knows no times: with several faults each shows the total. */
  lost: number;
  /** How long it was in force; 0: a sudden one. */
  forSeconds?: number;
  /** Ms since the epoch. */
  startMs?: number;
  /** What was done, in a few words. */
  detail?: string;
  /** Why it could not be carried out. */
  problem?: string;
  /** From the fault to recovery, by the second. Latencies are of `delivery_latency`, by the second of reception; null: none. */
  connectionsBefore?: number;
  connectionsLowest?: number;
  p99BeforeMs?: number | null;
  p99WorstMs?: number | null;
  latencyWorstMs?: number | null;
  backlogHighest?: number;
  dropped?: number;
  reconnects?: number;
}

export interface AgentHostSummary {
  /** `agent-0`, …: the source of its samples. */
  name: string;
  host: string;
  version: string;
  /** Coordinator's monotonic clock − the agent's, ms. */
  clockOffsetMs: number;
  /** How far that could be wrong during the load, at most, ms; 0: it is the coordinator's own clock. */
  clockBoundMs: number;
}

export interface RunSummary {
  version: '1.0.0';
  metadata: {
    generatedAt: string;
    plimsollVersion: string;
    runId: string;
    name: string;
    tags: Record<string, string>;
    startedAt: string;
    /** False when a signal ended the run early. */
    complete: boolean;
    machine: {
      cores: number;
      cpu: string;
      memoryBytes: number;
      node: string;
      kernel: string;
      descriptorLimit: number;
      /** Generator and server on one machine: any limit found is then a lower bound of the server's. */
      sharedMachine: boolean;
    };
  };
  config: {
    scenario: string;
    description: string;
    seed: number;
    target: string;
    store: string;
    durability: string;
    durationSeconds: number;
    connectionsRequested: number;
    rateOffered: number;
    /** Virtual users who wait for their acknowledgements send too, at a rate that nobody set. Runs of older versions do not say. */
    closed?: boolean;
    /** Users of the run; not all need be online at once. Runs of older versions do not say. */
    users?: number;
    /** Deliveries that a message leads to, in the mean: receivers × devices. Runs of older versions: 1. */
    fanOut?: number;
    agents: number;
    shards: number;
    /** How the load follows from the scenario, line by line. */
    derivation: string[];
  };
  verdict: Verdict;
  /** One sentence that a manager understands. */
  claim: string;
  validity: { valid: boolean; reasons: string[] };
  /** Why the verdict is not `pass`, a sentence each; empty on a pass. */
  failures: string[];
  /** Remarks that do not change the verdict: a lower bound, a process restarted, … */
  notes: string[];
  phases: Array<{ phase: string; startMs: number; endMs: number }>;
  results: {
    metrics: MetricSummary[];
    /** Where there are several streams of messages; their samples are all in `metrics` too. */
    scenarios?: ScenarioSummary[];
    thresholds: ThresholdResult[];
  };
  ledger: LedgerTotals;
  server: {
    connectionsPeak: number;
    cpuSeconds: number;
    rssBytesPeak: number;
    memoryBytesPerConnection: number | null;
  };
  generator: {
    cpuSeconds: number;
    rssBytesPeak: number;
    memoryBytesPerConnection: number | null;
    cpuMicrosecondsPerMessage: number | null;
  };
  /** Kernel memory (slab and socket buffers) of both ends, per connection. */
  kernel: { memoryBytesPerConnection: number | null };
  connecting: { seconds: number; perSecond: number; failed: number };
  /** Where the agents ran. Missing in runs that were stored before it was kept. */
  agents?: AgentHostSummary[];
  faults: FaultResult[];
}
