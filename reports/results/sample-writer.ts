/**
 * Inserts of a running run. Agents report a second at nearly the same time, and an insert costs more than the rows in it:
 * a batch waits a moment for others, and those that arrive while an insert is under way go out together with the next.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { CounterRow, GaugeRow, HistogramRow, SampleBatch } from '../../loadgen/recorder/samples.ts';
import { ResultsError } from './results-store.ts';
import { clickhouseTime, insertRows, type StoreClient } from './store-client.ts';

interface Waiting {
  runId: string;
  batch: SampleBatch;
  resolve: () => void;
  reject: (error: unknown) => void;
}

const GATHERING_MS = 25;

export class SampleWriter {
  readonly #store: StoreClient;
  #waiting: Waiting[] = [];
  #inserting: Promise<void> | null = null;

  constructor(store: StoreClient) {
    this.#store = store;
  }

  /**
   * Resolves once the rows are stored. When it rejects, some of the rows may be stored: tables are written one by one.
   * @throws ResultsError
   */
  async write(runId: string, batch: SampleBatch): Promise<void> {
    checkBatch(batch);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ runId, batch, resolve, reject });
      this.#inserting ??= this.#insertWaiting().finally(() => {
        this.#inserting = null;
      });
    });
  }

  /** Resolves when nothing is under way; failures went to those who wrote. */
  async drain(): Promise<void> {
    await this.#inserting;
  }

  async #insertWaiting(): Promise<void> {
    await delay(GATHERING_MS);
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await insertRows(this.#store, 'histograms', rowsOf(group, 'histograms', histogramRow));
        await insertRows(this.#store, 'counters', rowsOf(group, 'counters', counterRow));
        await insertRows(this.#store, 'gauges', rowsOf(group, 'gauges', gaugeRow));
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
  }
}

function rowsOf<Kind extends keyof SampleBatch>(
  group: Waiting[],
  kind: Kind,
  toRow: (runId: string, row: SampleBatch[Kind][number]) => object,
): object[] {
  return group.flatMap(({ runId, batch }) => batch[kind].map((row) => toRow(runId, row)));
}

function histogramRow(runId: string, row: HistogramRow): object {
  return {
    run_id: runId,
    at: clickhouseTime(row.atMs),
    source: row.source,
    metric: row.metric,
    phase: row.phase,
    scenario: row.scenario ?? '',
    count: row.count,
    sum_us: row.sumUs,
    min_us: row.minUs,
    max_us: row.maxUs,
    bucket_values: row.values,
    bucket_counts: row.counts,
  };
}

function counterRow(runId: string, row: CounterRow): object {
  return {
    run_id: runId,
    at: clickhouseTime(row.atMs),
    source: row.source,
    metric: row.metric,
    phase: row.phase,
    scenario: row.scenario ?? '',
    value: row.value,
  };
}

function gaugeRow(runId: string, row: GaugeRow): object {
  return { run_id: runId, at: clickhouseTime(row.atMs), source: row.source, metric: row.metric, value: row.value };
}

/** What ClickHouse would store as something else without a word: not a number becomes 0, a negative count wraps. */
function checkBatch(batch: SampleBatch): void {
  for (const { metric, source, atMs } of [...batch.histograms, ...batch.counters, ...batch.gauges]) {
    if (!isCount(atMs)) {
      throw new ResultsError('failed', `A row of ${metric} of ${source} is at ${atMs}: that is no time in ms.`);
    }
  }
  for (const row of [...batch.counters, ...batch.gauges]) {
    if (!Number.isFinite(row.value)) {
      throw new ResultsError(
        'failed',
        `${row.metric} of ${row.source} is ${row.value}: only finite values are stored.`,
      );
    }
  }
  for (const row of batch.histograms) {
    const { metric, source, count, sumUs, minUs, maxUs, values, counts } = row;
    if (![count, sumUs, minUs, maxUs].every(isCount) || !values.every(isCount) || !counts.every(isCount)) {
      throw new ResultsError('failed', `A histogram of ${metric} of ${source} has figures that are not whole numbers.`);
    }
    if (values.length !== counts.length) {
      throw new ResultsError(
        'failed',
        `A histogram of ${metric} of ${source} has ${values.length} buckets and ${counts.length} counts.`,
      );
    }
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
