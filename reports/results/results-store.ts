/**
 * The memory of all runs. One implementation over ClickHouse's client, two ways to reach it: embedded (chDB, in a process
 * of its own) and, by URL, a ClickHouse server.
 *
 * Guarantees (results-store.suite.ts checks them):
 * - A row whose `write` resolved survives `kill -9` of this process.
 * - Rows come back as they were written; percentiles from SQL equal those of the merged HdrHistograms exactly.
 * - A run that was started and not finished is listed as `interrupted` once its writer is gone.
 */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { SampleBatch } from '../../loadgen/recorder/samples.ts';
import type { RunSummary, Verdict } from '../../loadgen/recorder/summary.ts';
import type { IntervalHistogram, SourceSecond, TimeWindow } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';
import type { RunSeconds } from '../run-seconds.ts';
import type { CostModelRecord, SearchRecord } from './capacity-records.ts';
import type { QueryResult } from './free-query.ts';
import type { SegmentOptions } from './segment-store.ts';

export interface RunStart {
  runId: string;
  name: string;
  tags: Record<string, string>;
  startedAtMs: number;
  scenario: string;
  scenarioText: string;
  command: string;
  seed: number;
  /** JSON of what was asked for and of the machine. */
  config: unknown;
  environment: unknown;
}

export interface RunListing {
  runId: string;
  name: string;
  tags: Record<string, string>;
  scenario: string;
  startedAtMs: number;
  finishedAtMs: number | null;
  status: 'running' | 'finished' | 'interrupted';
  verdict: Verdict | null;
  connectionsPeak: number | null;
  deliveryP99Ms: number | null;
}

export interface ResultsStore {
  startRun(run: RunStart): Promise<void>;
  /**
   * Rows that are at hand (a test's, a bench's), straight into the tables: a run's go through its spool. Resolves once they are
   * stored; when it rejects, some may be.
   */
  write(runId: string, batch: SampleBatch): Promise<void>;
  /**
   * Stores rows that were gathered in a spool (spool-segment.ts): a file of it by its path, or what would be in one. Resolves
   * with the number of rows, all stored then. When it rejects, some may be stored; to try again with `doubtful` stores each
   * row once. One at a time, and those of a run in their order.
   */
  storeSegment(source: string | Uint8Array, options?: SegmentOptions): Promise<number>;
  /** The end of a run, as `write`. */
  finishRun(runId: string, summary: RunSummary): Promise<void>;
  /** Newest first. */
  listRuns(limit?: number): Promise<RunListing[]>;
  /** `id` is a whole run id, an unambiguous beginning of one, a run's name (the newest of that name), or `latest`. */
  loadRun(id: string): Promise<ReportModel>;
  /** Single seconds of one metric, as SecondLoader says; `runId` is a whole one. */
  loadIntervals(runId: string, metric: TrendName, window: TimeWindow): Promise<IntervalHistogram[]>;
  loadSources(runId: string, metric: TrendName, window: TimeWindow): Promise<SourceSecond[]>;
  /** The steady phase second by second, with the latencies in `metrics`; `id` as for `loadRun`. */
  loadSeconds(id: string, metrics: readonly TrendName[]): Promise<RunSeconds>;
  /** Rows stored of a run, to reconcile with rows recorded. */
  countRows(runId: string): Promise<{ histograms: number; counters: number; gauges: number }>;
  /** Again with the same id: the newer one counts, as a search goes on or is taken up again. */
  saveSearch(search: SearchRecord): Promise<void>;
  /** Newest first. */
  listSearches(limit?: number): Promise<SearchRecord[]>;
  /** Again with the same id: the newer one counts. */
  saveCostModel(model: CostModelRecord): Promise<void>;
  /** Newest first. */
  listCostModels(limit?: number): Promise<CostModelRecord[]>;
  /**
   * A question in SQL. Tables need no database in front (`FROM runs`), parameters are written `{name:Type}`. Reads only:
   * whatever would change anything is refused, and so is a second statement.
   * @param run what `loadRun` takes: its whole id becomes the parameter `run`
   * @throws ResultsError `bad-query` when the SQL is wrong, or would not only read; as `loadRun`
   */
  query(sql: string, parameters?: Record<string, string>, run?: string): Promise<QueryResult>;
  /** Stops the process of an embedded store (true), as if it hung, or lets it go on. Absent where the store has none of its own. */
  freeze?(frozen: boolean): void;
  close(): Promise<void>;
}

/**
 * - `invalid-url`: the results URL cannot be read.
 * - `locked`: another process holds the results directory.
 * - `unwritable`: the directory cannot be made or written, or its disk is full.
 * - `unreachable`, `denied`: the server does not answer, or refuses this user.
 * - `foreign`: the directory or database holds something else, or a newer format.
 * - `empty`: nothing is stored there. `unknown-run`, `ambiguous-run`: no run, or several, answer to that id.
 * - `bad-query`: a question in SQL that the engine does not understand, or that would change something.
 * - `failed`: anything else, the death of the embedded store's process included.
 */
export type ResultsErrorCode =
  | 'invalid-url'
  | 'locked'
  | 'unwritable'
  | 'unreachable'
  | 'denied'
  | 'unknown-run'
  | 'ambiguous-run'
  | 'empty'
  | 'foreign'
  | 'bad-query'
  | 'failed';

/** One sentence that says what is wrong and what to do. */
export class ResultsError extends Error {
  readonly code: ResultsErrorCode;
  constructor(code: ResultsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ResultsError';
    this.code = code;
  }
}
