/** Keeps roll-ups up with a run: behind its rows, one after the other, and nothing is lost when one fails. */
import { setTimeout as delay } from 'node:timers/promises';
import { type RollUpSpan, rollUp } from './roll-up.ts';
import type { StoreClient } from './store-client.ts';

const MINUTE_MS = 60_000;
/** Rows of a minute may come this much later than those of the next. What is later still is rolled up when the run ends. */
const LATE_MS = 15_000;
/** How long whoever reports a run or closes the store waits for roll-ups, and then for the query that is under way. */
const PATIENCE_MS = 15_000;
const QUERY_PATIENCE_MS = 5_000;

export class RollUpKeeper {
  readonly #store: StoreClient;
  /** By run, the end of the last minute that was rolled up, or the start of the first, ms since the epoch. */
  readonly #rolledUpMs = new Map<string, number>();
  #working: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(store: StoreClient) {
    this.#store = store;
  }

  /** Histograms of the run are stored, the newest of them of `newestMs`. */
  stored(runId: string, newestMs: number): void {
    const fromMs = this.#rolledUpMs.get(runId) ?? startOfMinute(newestMs);
    const toMs = Math.max(fromMs, startOfMinute(newestMs - LATE_MS));
    this.#rolledUpMs.set(runId, toMs);
    if (toMs > fromMs) this.#rollUp(runId, { fromMs, toMs });
  }

  /** No more rows come, or hardly any. */
  finished(runId: string): void {
    this.#rolledUpMs.delete(runId);
    this.#rollUp(runId, null);
  }

  /** Resolves when nothing is under way, or after `patienceMs`. */
  async idle(patienceMs: number = PATIENCE_MS): Promise<void> {
    const timer = new AbortController();
    const waited = delay(patienceMs, undefined, { signal: timer.signal }).catch(() => {});
    await Promise.race([this.#working, waited]);
    timer.abort();
  }

  /** Resolves when the connection is free; what is not rolled up by then stays so. */
  async close(): Promise<void> {
    await this.idle();
    this.#closed = true;
    await this.idle(QUERY_PATIENCE_MS);
  }

  #rollUp(runId: string, span: RollUpSpan): void {
    const work = async (): Promise<void> => {
      if (!this.#closed) await rollUp(this.#store, runId, span, () => this.#closed);
    };
    // A report does without what could not be rolled up.
    this.#working = this.#working.then(work).catch(() => {});
  }
}

function startOfMinute(ms: number): number {
  return Math.floor(ms / MINUTE_MS) * MINUTE_MS;
}
