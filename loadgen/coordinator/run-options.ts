/** What a run is given. */
import type { Clock } from '../clock.ts';
import type { AgentLink } from '../control/control-channel.ts';
import type { LoadPlan } from '../population/plan.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import type { RunSnapshot } from './progress.ts';

/** Rows of a run: handed over, in the results store, and safe on disk because the store is away. */
export interface RowsSettled {
  recorded: number;
  stored: number;
  waiting?: number;
  /** Why the rest is lost, as a clause: `the disk of … is full`; null: not known, or nothing is. */
  lostBecause?: string | null;
}

/** Where rows go while the run lasts. Never rejects: what can't be stored is counted. */
export interface SampleSink {
  write(batch: SampleBatch): void;
  /** Once all are through, or the store has been waited for. */
  settle(): Promise<RowsSettled>;
  /** A fault: while held, nothing reaches the store; what is handed over waits. */
  hold?(hold: boolean): void;
}

export interface RunOptions {
  plan: LoadPlan;
  /** Null: an embedded node is started. */
  target: string | null;
  node: { shards: number; store: string; durability: string };
  /** Where that node keeps its messages; null: nowhere. */
  storeDirectory: string | null;
  driver: string;
  authSecret: string | null;
  agents: number;
  startAgent: (index: number) => AgentLink;
  runId: string;
  /** Of the run as a whole: everything that tells when it began says this. Default: when it is driven. */
  startedAtMs?: number;
  name: string;
  tags: Record<string, string>;
  clock: Clock & { readonly epochOffsetMs: number };
  sink: SampleSink;
  judgeThresholds: boolean;
  /** Node and agents are up: from here on there is something to record. */
  onReady: () => Promise<void>;
  onProgress: (snapshot: RunSnapshot) => void;
  onNotice: (text: string) => void;
  /** Aborted by a signal: end in order. */
  signal: AbortSignal;
}
