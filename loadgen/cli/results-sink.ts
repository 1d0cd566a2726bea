/**
 * Rows of a run on their way to the results store: into a spool at once, and every few seconds from there into the store, one
 * segment at a time, so that a slow store never holds up the run and one that is away costs nothing but disk.
 */
import type { ResultsStore, RunStart } from '../../reports/results/results-store.ts';
import { ResultsError } from '../../reports/results/results-store.ts';
import { endRows, sampleRows, type TableRows } from '../../reports/results/run-rows.ts';
import type { SpoolWriter } from '../../reports/results/spool-writer.ts';
import type { RowsSettled, SampleSink } from '../coordinator/run-options.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import type { RunSummary } from '../recorder/summary.ts';
import { formatCount } from '../units.ts';

/** Agents report a second at nearly the same time: what they say goes out together. */
const GATHERING_MS = 250;
/** An insert costs the store more than the rows in it. */
const DELIVERY_MS = 5_000;
/** A store that takes longer for a segment is away. */
const PATIENCE_MS = 10_000;

export interface SinkOptions {
  runId: string;
  /** The results store, as messages name it. */
  place: string;
  onNotice: (text: string) => void;
  /** Each batch as it comes. */
  onBatch?: (batch: SampleBatch) => void;
}

/** What of a run is not in the store. */
export interface RowsLeft {
  /** On disk. */
  waiting: number;
  /** Nowhere; without those of the run's end. */
  lost: number;
  /** The end of the run is lost, or a part of it. */
  endLost: boolean;
}

export class ResultsSink implements SampleSink {
  #store: ResultsStore;
  #spool: SpoolWriter;
  #options: SinkOptions;
  #recorded = 0;
  #delivered = 0;
  /** Rows delivered before the store went away; null: it is there. */
  #awaySince: number | null = null;
  #delivering: Promise<void> | null = null;
  #gathering: NodeJS.Timeout | null = null;
  #timer: NodeJS.Timeout;
  #started = false;
  #held = false;
  #over = false;
  #complaints = new Set<string>();

  constructor(store: ResultsStore, spool: SpoolWriter, options: SinkOptions) {
    this.#store = store;
    this.#spool = spool;
    this.#options = options;
    this.#timer = setInterval(() => void this.#deliver(), DELIVERY_MS);
  }

  /** @throws ResultsError: there is no run without its first row. */
  async start(run: RunStart): Promise<void> {
    await this.#store.startRun(run);
    this.#spool.keepStart(run);
    this.#started = true;
  }

  write(batch: SampleBatch): void {
    const rows = batch.histograms.length + batch.counters.length + batch.gauges.length;
    this.#recorded += rows;
    try {
      this.#append(sampleRows(this.#options.runId, batch));
    } catch (error) {
      this.#complain((error as Error).message);
      return;
    }
    this.#options.onBatch?.(batch);
  }

  /** The store did not answer when it was last asked: rows wait on disk. */
  get away(): boolean {
    return this.#awaySince !== null;
  }

  /** Where rows wait. */
  get spooledIn(): string {
    return this.#spool.place;
  }

  /** Why rows have no room there, as a clause; null: they have. */
  get lostBecause(): string | null {
    return this.#spool.lostBecause;
  }

  /** While held nothing is stored; rows wait in the spool. An embedded store really hangs meanwhile. */
  hold(hold: boolean): void {
    if (this.#held === hold) return;
    this.#held = hold;
    this.#store.freeze?.(hold);
    if (!hold) void this.#deliver();
  }

  async settle(): Promise<RowsSettled> {
    clearInterval(this.#timer);
    this.hold(false);
    await this.#lastDelivery();
    const settled = this.#settled();
    if (this.#spool.waitingRows > 0) return settled;
    try {
      const { histograms, counters, gauges } = await this.#store.countRows(this.#options.runId);
      return this.#settled(histograms + counters + gauges);
    } catch (error) {
      this.#complain((error as Error).message);
      return { ...settled, stored: 0 };
    }
  }

  #settled(stored = this.#delivered): RowsSettled {
    const { safeRows: waiting, lostBecause } = this.#spool;
    const lost = this.#recorded - stored - waiting;
    return { recorded: this.#recorded, stored, waiting, ...(lost > 0 && lostBecause !== null && { lostBecause }) };
  }

  /**
   * The run's last rows, after `settle`. Resolves with the number of rows that wait on disk for the store, those of the end
   * included, and of those of before that had no room there and go with this process.
   */
  async finish(summary: RunSummary): Promise<RowsLeft> {
    const end = endRows(this.#options.runId, summary);
    const lostBefore = this.#spool.lostRows;
    this.#append(end);
    await this.close();
    const { waitingRows, safeRows, lostRows } = this.#spool;
    // They came last, and are written last.
    const unsafe = waitingRows - safeRows;
    const ofEnd = end.reduce((sum, { rows }) => sum + rows.length, 0);
    const endLost = Math.min(ofEnd, unsafe + lostRows - lostBefore);
    return { waiting: safeRows, lost: unsafe + lostRows - endLost, endLost: endLost > 0 };
  }

  /** Also of a run that failed: what it recorded until then is delivered, or waits. */
  async close(): Promise<void> {
    if (this.#over) return;
    clearInterval(this.#timer);
    if (this.#gathering) clearTimeout(this.#gathering);
    this.hold(false);
    if (!this.#started) return this.#spool.discard();
    if (this.#awaySince === null) await this.#lastDelivery();
    this.#over = true;
    await this.#spool.close();
  }

  #append(tables: readonly TableRows[]): void {
    this.#spool.append(tables);
    this.#gathering ??= setTimeout(() => {
      this.#gathering = null;
      void this.#spool.write();
    }, GATHERING_MS);
  }

  /** All that waits, unless the store does not take it in time. */
  async #lastDelivery(): Promise<void> {
    if (this.#spool.waitingRows === 0) return this.#delivering ?? undefined;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, PATIENCE_MS);
    });
    // One that is under way began before the last rows came.
    const all = Promise.resolve(this.#delivering).then(() => this.#deliver());
    await Promise.race([all, patience]);
    clearTimeout(timer);
    await this.#spool.write();
  }

  #deliver(): Promise<void> {
    this.#delivering ??= this.#deliverAll().finally(() => {
      this.#delivering = null;
    });
    return this.#delivering;
  }

  async #deliverAll(): Promise<void> {
    if (!this.#started) return;
    // Segments that waited first, and then what came since they were cut.
    if (this.#spool.oldest !== undefined && !(await this.#deliverCut())) return;
    await this.#spool.cut();
    if (await this.#deliverCut()) this.#back();
  }

  /** True when no segment waits any more. */
  async #deliverCut(): Promise<boolean> {
    for (let segment = this.#spool.oldest; segment !== undefined; segment = this.#spool.oldest) {
      if (this.#over) return false;
      // One that is frozen gets its rows, and does nothing with them.
      if (this.#held && this.#store.freeze === undefined) return false;
      const late = setTimeout(() => this.#away(null), PATIENCE_MS);
      try {
        const { source, doubtful } = segment;
        await this.#store.storeSegment(source, { doubtful, patienceMs: PATIENCE_MS });
      } catch (error) {
        if (this.#spool.forget(segment)) continue;
        segment.doubtful = true;
        this.#away(error as Error);
        return false;
      } finally {
        clearTimeout(late);
      }
      this.#spool.remove(segment);
      this.#delivered += segment.rows;
    }
    return true;
  }

  /** Said once, until it is back. */
  #away(error: Error | null): void {
    if (this.#awaySince !== null || this.#over) return;
    this.#awaySince = this.#delivered;
    const silent = error === null || (error instanceof ResultsError && error.code === 'unreachable');
    const what = silent
      ? `${this.#options.place} does not answer; rows go to disk`
      : `${error.message} Rows go to disk.`;
    this.#options.onNotice(what);
  }

  #back(): void {
    if (this.#awaySince === null) return;
    const rows = this.#delivered - this.#awaySince;
    this.#awaySince = null;
    this.#options.onNotice(`${this.#options.place} is back; ${formatCount(rows)} rows delivered`);
  }

  /** Each reason once: a full disk would say the same every second. */
  #complain(message: string): void {
    if (this.#complaints.has(message)) return;
    this.#complaints.add(message);
    this.#options.onNotice(message);
  }
}
