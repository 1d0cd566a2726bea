/** Puts the rows of a spool's segment into the tables, once however often it is tried. */
import { readFileSync } from 'node:fs';
import { ResultsError } from './results-store.ts';
import { byTable, decodeSegment, type RowCounts, type Segment } from './spool-segment.ts';
import { insertLines, queryRows, type StoreClient } from './store-client.ts';

export interface SegmentOptions {
  /** An earlier attempt ended without an answer: look first what of it is stored. */
  doubtful?: boolean;
  /** How long a server may take for each table's rows, ms; the client's own limit if left out. */
  patienceMs?: number | undefined;
}

/**
 * `source`: a file of a spool, or what would be in one. Resolves with the rows of each table, once they are all stored; with
 * nothing for a file that was cut before anything was in it. `newestMs`: when the last of its histograms was recorded, null if it has none.
 *
 * Two things see to it that rows are stored once. Tables remember the tokens of their last 10,000 inserts, which catches an
 * attempt that a slow server carries out after the next one has come. Beyond that, the number of rows that the run has in a
 * table tells whether this segment's are there: segments of a run are stored one after the other, and each knows how many
 * rows went before it.
 * @throws ResultsError
 */
export async function storeSegment(
  store: StoreClient,
  source: string | Uint8Array,
  options: SegmentOptions,
): Promise<{ runId: string; rows: RowCounts; newestMs: number | null } | null> {
  const segment =
    typeof source === 'string'
      ? decodeSegment(readSpooled(source), source)
      : decodeSegment(Buffer.from(source), 'rows in memory');
  if (segment === null) return null;
  const { runId, segment: number } = segment.head;
  const stored: RowCounts = {};
  let newestMs: number | null = null;
  for (const [table, { rows, lines }] of byTable(segment.records)) {
    stored[table] = rows;
    if (table === 'histograms') newestMs = timeOfLast(lines);
    if (options.doubtful && (await isStored(store, segment, table, rows))) continue;
    const signal = options.patienceMs === undefined ? undefined : AbortSignal.timeout(options.patienceMs);
    await insertLines(store, table, lines, `${runId}/${number}/${table}`, signal);
  }
  return { runId, rows: stored, newestMs };
}

function timeOfLast(lines: readonly Buffer[]): number {
  const ofLast = lines.at(-1)!;
  const { at } = JSON.parse(ofLast.toString('utf8', ofLast.lastIndexOf('\n', -2) + 1)) as { at: string };
  return Date.parse(`${at.replace(' ', 'T')}Z`);
}

function readSpooled(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ResultsError('failed', `Rows on disk can't be read: ${(error as Error).message}.`, { cause: error });
  }
}

async function isStored(store: StoreClient, { head }: Segment, table: string, rows: number): Promise<boolean> {
  const [row] = await queryRows<{ rows: number }>(
    store,
    `SELECT count() AS rows FROM ${store.database}.${table} WHERE run_id = {run:String}`,
    { run: head.runId },
  );
  return row!.rows >= (head.before[table] ?? 0) + rows;
}
