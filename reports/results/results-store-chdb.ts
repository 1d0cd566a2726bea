/** The embedded results store as its caller sees it: a stand-in for the store in `results-process.ts`. */
import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { SampleBatch } from '../../loadgen/recorder/samples.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { IntervalHistogram, SourceSecond, TimeWindow } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';
import type { RunSeconds } from '../run-seconds.ts';
import type { CostModelRecord, SearchRecord } from './capacity-records.ts';
import { forkModule } from './fork-module.ts';
import type { QueryResult } from './free-query.ts';
import { openFailure } from './results-directory.ts';
import type { EmbeddedOptions, StoreAnswer, StoreRequest } from './results-ipc.ts';
import { ResultsError, type ResultsStore, type RunListing, type RunStart } from './results-store.ts';
import type { SegmentOptions } from './segment-store.ts';

/**
 * Starts a process that holds the engine on `directory` (absolute).
 * @throws ResultsError `locked`, `unwritable`, `foreign`, `empty` (with `readOnly`) or `failed`
 */
export async function openChdbStore(directory: string, options: EmbeddedOptions = {}): Promise<ResultsStore> {
  const child = forkModule(import.meta.url, './results-process', {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const store = new ChdbResultsStore(child, directory);
  await store.open(options);
  return store;
}

interface Pending {
  resolve: (value: never) => void;
  reject: (error: Error) => void;
}

class ChdbResultsStore implements ResultsStore {
  readonly #child: ChildProcess;
  readonly #directory: string;
  readonly #pending = new Map<number, Pending>();
  readonly #ended: Promise<void>;
  #lastId = 0;
  #said = '';
  #frozen = false;
  #thawer: ChildProcess | null = null;
  #gone: ResultsError | null = null;
  #closing: Promise<void> | null = null;

  constructor(child: ChildProcess, directory: string) {
    this.#child = child;
    this.#directory = directory;
    // The last words only: the engine may be talkative over a long run.
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#said = (this.#said + text).slice(-4096);
    });
    child.on('message', (answer: StoreAnswer) => this.#settle(answer));
    child.on('error', (error) => this.#bury(error.message));
    child.on('exit', (code, signal) => this.#bury(signal ? `signal ${signal}` : `exit code ${code}`));
    this.#ended = new Promise((resolve) => child.once('close', () => resolve()));
  }

  async open(options: EmbeddedOptions): Promise<void> {
    try {
      await this.#call('open', [this.#directory, options]);
    } catch (error) {
      await this.#ended;
      throw error instanceof EngineFailure ? openFailure(this.#directory, this.#said || error.message) : error;
    }
  }

  startRun(run: RunStart): Promise<void> {
    return this.#call('startRun', [run]);
  }

  write(runId: string, batch: SampleBatch): Promise<void> {
    return this.#call('write', [runId, batch]);
  }

  storeSegment(source: string | Uint8Array, options?: SegmentOptions): Promise<number> {
    // Its process reads the file itself; it may have another working directory one day.
    return this.#call('storeSegment', [typeof source === 'string' ? resolve(source) : source, options]);
  }

  finishRun(runId: string, summary: RunSummary): Promise<void> {
    return this.#call('finishRun', [runId, summary]);
  }

  listRuns(limit?: number): Promise<RunListing[]> {
    return this.#call('listRuns', [limit]);
  }

  loadRun(id: string): Promise<ReportModel> {
    return this.#call('loadRun', [id]);
  }

  loadIntervals(runId: string, metric: TrendName, window: TimeWindow): Promise<IntervalHistogram[]> {
    return this.#call('loadIntervals', [runId, metric, window]);
  }

  loadSources(runId: string, metric: TrendName, window: TimeWindow): Promise<SourceSecond[]> {
    return this.#call('loadSources', [runId, metric, window]);
  }

  loadSeconds(id: string, metrics: readonly TrendName[]): Promise<RunSeconds> {
    return this.#call('loadSeconds', [id, metrics]);
  }

  countRows(runId: string): Promise<{ histograms: number; counters: number; gauges: number }> {
    return this.#call('countRows', [runId]);
  }

  saveSearch(search: SearchRecord): Promise<void> {
    return this.#call('saveSearch', [search]);
  }

  listSearches(limit?: number): Promise<SearchRecord[]> {
    return this.#call('listSearches', [limit]);
  }

  saveCostModel(model: CostModelRecord): Promise<void> {
    return this.#call('saveCostModel', [model]);
  }

  listCostModels(limit?: number): Promise<CostModelRecord[]> {
    return this.#call('listCostModels', [limit]);
  }

  query(sql: string, parameters?: Record<string, string>, run?: string): Promise<QueryResult> {
    return this.#call('query', [sql, parameters, run]);
  }

  freeze(frozen: boolean): void {
    if (this.#frozen === frozen) return;
    this.#frozen = frozen;
    if (frozen) this.#thawer = thawWhenGone(this.#child.pid!);
    this.#child.kill(frozen ? 'SIGSTOP' : 'SIGCONT');
    if (!frozen) this.#thawer?.stdin?.end();
  }

  /** Also after the process died: there is nothing left to close then. */
  close(): Promise<void> {
    if (this.#frozen) this.freeze(false);
    this.#closing ??= this.#call<void>('close', []).then(
      () => this.#ended,
      (error: unknown) => {
        if (error !== this.#gone) throw error;
      },
    );
    return this.#closing;
  }

  #call<Value>(method: StoreRequest['method'], args: unknown[]): Promise<Value> {
    if (this.#gone) return Promise.reject(this.#gone);
    if (this.#closing) return Promise.reject(new ResultsError('failed', 'The results store is closed.'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      // A send that fails has its own cause, the death of the process, which `exit` tells.
      this.#child.send({ id, method, args } as StoreRequest, () => {});
    });
  }

  #settle(answer: StoreAnswer): void {
    const pending = this.#pending.get(answer.id);
    this.#pending.delete(answer.id);
    if (answer.ok) pending?.resolve(answer.value as never);
    else if (answer.stage === 'engine') pending?.reject(new EngineFailure(answer.message));
    else pending?.reject(new ResultsError(answer.code, answer.message));
  }

  #bury(cause: string): void {
    const said = this.#said.trim().split('\n').at(-1);
    this.#gone ??= new ResultsError(
      'failed',
      `The process that holds the results in ${this.#directory} died (${cause}${said ? `: ${said}` : ''}); what was ` +
        'stored before is kept.',
    );
    for (const { reject } of this.#pending.values()) reject(this.#gone);
    this.#pending.clear();
  }
}

/**
 * A process that stands still does not see that its parent is gone: somebody else lets it go on then, so that it can end.
 * The pipe closes with this process, however that ends; signals of a terminal are not for it.
 */
function thawWhenGone(pid: number): ChildProcess {
  const script = `trap '' INT TERM HUP; read -r _; kill -CONT ${pid}`;
  const child = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'] });
  child.on('error', () => {});
  child.stdin!.on('error', () => {});
  return child;
}

/** The engine did not open the directory; why is on the child's standard error. */
class EngineFailure extends Error {}
