/** The results store over ClickHouse's client. It does not know whether a server or the embedded engine answers. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { SampleBatch } from '../../loadgen/recorder/samples.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { IntervalHistogram, SourceSecond, TimeWindow } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';
import type { RunSeconds } from '../run-seconds.ts';
import {
  type CostModelRecord,
  listCostModels,
  listSearches,
  type SearchRecord,
  saveCostModel,
  saveSearch,
} from './capacity-records.ts';
import { askFreely, type QueryResult } from './free-query.ts';
import { queryIntervals, querySources } from './interval-query.ts';
import { queryReport } from './report-query.ts';
import type { ResultsStore, RunListing, RunStart } from './results-store.ts';
import { ResultsError } from './results-store.ts';
import { applyRetention, type Retention } from './retention.ts';
import { RollUpKeeper } from './roll-up-keeper.ts';
import { type FoundRun, findRun, listRuns } from './run-query.ts';
import { endRows, sampleRows, startRow, type TableRows } from './run-rows.ts';
import { migrateSchema } from './schema.ts';
import { querySeconds } from './seconds-query.ts';
import { type SegmentOptions, storeSegment } from './segment-store.ts';
import { totalRows } from './spool-segment.ts';
import { insertRows, queryRows, type StoreClient } from './store-client.ts';

export interface ClickHouseStoreOptions {
  /** Create nothing that is not there; the store is only read. Default false. */
  readOnly?: boolean;
  /**
   * This store is the only one that can write to the place (an embedded directory): whatever run it did not start
   * itself is nobody's, and interrupted at once. Otherwise the silence of a run's heartbeat tells. Default false.
   */
  exclusive?: boolean;
  /** How often the writer of a run gives a sign of life, ms. Default 10,000. */
  heartbeatMs?: number;
  /** Silence after which an unfinished run counts as interrupted, ms. Default 30,000, three heartbeats. */
  interruptedAfterMs?: number;
  /** What the server is told about old samples; left out: it keeps doing what it does. */
  retention?: Retention | undefined;
}

/**
 * Checks or makes the tables and takes the connection over: `close` closes it.
 * @throws ResultsError
 */
export async function openClickHouseStore(
  store: StoreClient,
  options: ClickHouseStoreOptions = {},
): Promise<ResultsStore> {
  try {
    await migrateSchema(store, { readOnly: options.readOnly ?? false });
    if (options.retention && !options.readOnly) await applyRetention(store, options.retention);
  } catch (error) {
    await store.client.close();
    throw error;
  }
  return new ClickHouseResultsStore(store, options);
}

class ClickHouseResultsStore implements ResultsStore {
  readonly #store: StoreClient;
  readonly #rollUps: RollUpKeeper;
  readonly #exclusive: boolean;
  readonly #interruptedAfterMs: number;
  readonly #heartbeatMs: number;
  /** Started here and not finished. */
  readonly #runs = new Set<string>();
  #heartbeat: NodeJS.Timeout | null = null;

  constructor(store: StoreClient, options: ClickHouseStoreOptions) {
    this.#store = store;
    this.#rollUps = new RollUpKeeper(store);
    this.#exclusive = options.exclusive ?? false;
    this.#heartbeatMs = options.heartbeatMs ?? 10_000;
    this.#interruptedAfterMs = options.interruptedAfterMs ?? 30_000;
  }

  async startRun(run: RunStart): Promise<void> {
    const same = await queryRows(
      this.#store,
      `SELECT 1 FROM ${this.#store.database}.runs WHERE run_id = {run:String} LIMIT 1`,
      { run: run.runId },
    );
    if (same.length > 0) {
      throw new ResultsError('failed', `The run ${run.runId} is stored in ${this.#store.place} already: name another.`);
    }
    // The sign of life goes first: a run without one would be listed as interrupted for a moment.
    if (!this.#exclusive) await this.#beat([run.runId]);
    await insertRows(this.#store, 'runs', [startRow(run)]);
    this.#runs.add(run.runId);
    if (!this.#exclusive) this.#startHeartbeat();
  }

  async write(runId: string, batch: SampleBatch): Promise<void> {
    await this.#insert(sampleRows(runId, batch));
    const newest = batch.histograms.at(-1);
    if (newest) this.#rollUps.stored(runId, newest.atMs);
  }

  async storeSegment(source: string | Uint8Array, options: SegmentOptions = {}): Promise<number> {
    // An embedded engine carries on with what nobody waits for any more.
    const stored = await storeSegment(
      this.#store,
      source,
      this.#exclusive ? { ...options, patienceMs: undefined } : options,
    );
    if (stored === null) return 0;
    if (stored.newestMs !== null) this.#rollUps.stored(stored.runId, stored.newestMs);
    if (stored.rows.run_ends) this.#over(stored.runId);
    return totalRows(stored.rows);
  }

  async finishRun(runId: string, summary: RunSummary): Promise<void> {
    await this.#insert(endRows(runId, summary));
    this.#over(runId);
  }

  async listRuns(limit?: number): Promise<RunListing[]> {
    const runs = await listRuns(this.#store, limit);
    return runs.map(({ silentMs, ...run }) => ({ ...run, status: this.#status({ ...run, silentMs }) }));
  }

  async loadRun(id: string): Promise<ReportModel> {
    // Quicker than to compute the same beside them.
    await this.#rollUps.idle();
    const run = await findRun(this.#store, id);
    return queryReport(this.#store, run, this.#status(run));
  }

  loadIntervals(runId: string, metric: TrendName, window: TimeWindow): Promise<IntervalHistogram[]> {
    return queryIntervals(this.#store, runId, metric, window);
  }

  loadSources(runId: string, metric: TrendName, window: TimeWindow): Promise<SourceSecond[]> {
    return querySources(this.#store, runId, metric, window);
  }

  async loadSeconds(id: string, metrics: readonly TrendName[]): Promise<RunSeconds> {
    const run = await findRun(this.#store, id);
    return querySeconds(this.#store, run, this.#status(run), metrics);
  }

  async countRows(runId: string): Promise<{ histograms: number; counters: number; gauges: number }> {
    const count = (table: string) =>
      `(SELECT count() FROM ${this.#store.database}.${table} WHERE run_id = {run:String}) AS ${table}`;
    const [row] = await queryRows<{ histograms: number; counters: number; gauges: number }>(
      this.#store,
      `SELECT ${count('histograms')}, ${count('counters')}, ${count('gauges')}`,
      { run: runId },
    );
    return row!;
  }

  saveSearch(search: SearchRecord): Promise<void> {
    return saveSearch(this.#store, search);
  }

  listSearches(limit?: number): Promise<SearchRecord[]> {
    return listSearches(this.#store, limit);
  }

  saveCostModel(model: CostModelRecord): Promise<void> {
    return saveCostModel(this.#store, model);
  }

  listCostModels(limit?: number): Promise<CostModelRecord[]> {
    return listCostModels(this.#store, limit);
  }

  async query(sql: string, parameters: Record<string, string> = {}, run?: string): Promise<QueryResult> {
    const chosen = run === undefined ? {} : { run: (await findRun(this.#store, run)).runId };
    return askFreely(this.#store, sql, { ...parameters, ...chosen });
  }

  async close(): Promise<void> {
    this.#stopHeartbeat();
    await this.#rollUps.close();
    await this.#store.client.close();
  }

  #status(run: Pick<FoundRun, 'runId' | 'finishedAtMs' | 'silentMs'>): RunListing['status'] {
    if (run.finishedAtMs !== null) return 'finished';
    if (this.#runs.has(run.runId)) return 'running';
    if (this.#exclusive || run.silentMs === null || run.silentMs > this.#interruptedAfterMs) return 'interrupted';
    return 'running';
  }

  async #insert(tables: TableRows[]): Promise<void> {
    for (const { table, rows } of tables) await insertRows(this.#store, table, rows);
  }

  #over(runId: string): void {
    this.#rollUps.finished(runId);
    this.#runs.delete(runId);
    if (this.#runs.size === 0) this.#stopHeartbeat();
  }

  #startHeartbeat(): void {
    // A beat that fails is not worth more than silence: `write` fails loudly at the same time.
    this.#heartbeat ??= setInterval(() => this.#beat([...this.#runs]).catch(() => {}), this.#heartbeatMs).unref();
  }

  #stopHeartbeat(): void {
    if (this.#heartbeat) clearInterval(this.#heartbeat);
    this.#heartbeat = null;
  }

  #beat(runIds: string[]): Promise<void> {
    return insertRows(
      this.#store,
      'heartbeats',
      runIds.map((runId) => ({ run_id: runId })),
    );
  }
}
