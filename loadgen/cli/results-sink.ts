/**
 * Rows of a run on their way to the results store: gathered and written about once a second, one write at a time, so that
 * a slow store never holds up the run. What could not be stored is counted, and the verdict says so.
 */
import type { ResultsStore } from '../../reports/results/results-store.ts';
import type { SampleSink } from '../coordinator/run-options.ts';
import type { SampleBatch } from '../recorder/samples.ts';

const WRITE_INTERVAL_MS = 1_000;
/** Rows kept while the store is slow; beyond, the oldest would have to go, so the newest are refused and counted. */
const WAITING_ROWS_MOST = 500_000;

export class ResultsSink implements SampleSink {
  #store: ResultsStore;
  #runId: string;
  #onError: (message: string) => void;
  #waiting: SampleBatch = emptyBatch();
  #recorded = 0;
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout;
  #busy = false;
  #held = false;
  #complaints = new Set<string>();

  constructor(store: ResultsStore, runId: string, onError: (message: string) => void) {
    this.#store = store;
    this.#runId = runId;
    this.#onError = onError;
    this.#timer = setInterval(() => this.#flush(), WRITE_INTERVAL_MS);
  }

  write(batch: SampleBatch): void {
    this.#recorded += rowsOf(batch);
    if (rowsOf(this.#waiting) > WAITING_ROWS_MOST) return;
    this.#waiting.histograms.push(...batch.histograms);
    this.#waiting.counters.push(...batch.counters);
    this.#waiting.gauges.push(...batch.gauges);
  }

  /** While held nothing is stored; rows wait, up to the bound above. An embedded store really hangs meanwhile. */
  hold(hold: boolean): void {
    if (this.#held === hold) return;
    this.#held = hold;
    this.#store.freeze?.(hold);
  }

  async settle(): Promise<{ recorded: number; stored: number }> {
    clearInterval(this.#timer);
    this.hold(false);
    await this.#writing;
    this.#flush();
    await this.#writing;
    try {
      const { histograms, counters, gauges } = await this.#store.countRows(this.#runId);
      return { recorded: this.#recorded, stored: histograms + counters + gauges };
    } catch (error) {
      this.#complain((error as Error).message);
      return { recorded: this.#recorded, stored: 0 };
    }
  }

  /** Stop gathering without waiting; for a run that failed before it began. */
  abandon(): void {
    clearInterval(this.#timer);
  }

  /** Each reason once: a full disk would say the same every second. */
  #complain(message: string): void {
    if (this.#complaints.has(message)) return;
    this.#complaints.add(message);
    this.#onError(message);
  }

  #flush(): void {
    // One that is frozen gets its rows, and does nothing with them.
    const refused = this.#held && this.#store.freeze === undefined;
    if (this.#busy || refused || rowsOf(this.#waiting) === 0) return;
    const batch = this.#waiting;
    this.#waiting = emptyBatch();
    this.#busy = true;
    this.#writing = this.#store
      .write(this.#runId, batch)
      .catch((error: Error) => this.#complain(error.message))
      .finally(() => {
        this.#busy = false;
      });
  }
}

function emptyBatch(): SampleBatch {
  return { histograms: [], counters: [], gauges: [] };
}

function rowsOf(batch: SampleBatch): number {
  return batch.histograms.length + batch.counters.length + batch.gauges.length;
}
