/**
 * Inserts of a running run. Agents report a second at nearly the same time, and an insert costs more than the rows in it:
 * a batch waits a moment for others, and those that arrive while an insert is under way go out together with the next.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { SampleBatch } from '../../loadgen/recorder/samples.ts';
import { sampleRows, type TableRows } from './run-rows.ts';
import { insertRows, type StoreClient } from './store-client.ts';

interface Waiting {
  tables: TableRows[];
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
    const tables = sampleRows(runId, batch);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ tables, resolve, reject });
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
        for (const [table, rows] of rowsOf(group)) await insertRows(this.#store, table, rows);
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
  }
}

/** Rows of all that wait, table by table. */
function rowsOf(group: Waiting[]): Map<string, object[]> {
  const tables = new Map<string, object[]>();
  for (const { table, rows } of group.flatMap(({ tables }) => tables)) {
    const gathered = tables.get(table);
    if (gathered) gathered.push(...rows);
    else tables.set(table, [...rows]);
  }
  return tables;
}
