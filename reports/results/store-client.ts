/** How the results store speaks to ClickHouse, so that the embedded and the served one cannot tell a difference. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { ResultsError } from './results-store.ts';

/** A connection, the database in it, and its name for error messages (`.plimsoll/results`, `http://host:8123/plimsoll`). */
export interface StoreClient {
  client: ClickHouseClient;
  database: string;
  place: string;
}

/** The same on every call: settings stick to an embedded connection, and servers differ in their defaults. */
const FIXED_SETTINGS: ClickHouseSettings = {
  // An insert that was answered is in the table, not in a queue.
  async_insert: 0,
  // Batches are small; threads to parse them would cost the load generator its cores.
  input_format_parallel_parsing: 0,
  // Gauges come back as the very double that was written.
  precise_float_parsing: 1,
  output_format_json_quote_64bit_integers: 0,
  join_use_nulls: 1,
};

/**
 * All rows of a query. Table names carry the database, because an embedded connection ignores its own.
 * @throws ResultsError
 */
export async function queryRows<Row>(
  store: StoreClient,
  query: string,
  parameters: Record<string, string | number> = {},
): Promise<Row[]> {
  try {
    const result = await store.client.query({
      query,
      format: 'JSONEachRow',
      query_params: parameters,
      clickhouse_settings: FIXED_SETTINGS,
    });
    return await result.json<Row>();
  } catch (error) {
    throw toResultsError(error, store.place);
  }
}

/** @throws ResultsError */
export async function runCommand(store: StoreClient, query: string): Promise<void> {
  try {
    await store.client.command({ query, clickhouse_settings: FIXED_SETTINGS });
  } catch (error) {
    throw toResultsError(error, store.place);
  }
}

/** Resolves once the rows would survive the death of this process. @throws ResultsError */
export async function insertRows(store: StoreClient, table: string, rows: object[]): Promise<void> {
  if (rows.length === 0) return;
  // Rows that are all alike are no repetition: tables remember what they were given by the token.
  const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
  await insertLines(store, table, [Buffer.from(lines)], randomUUID());
}

/**
 * As `insertRows`, of rows that are JSONEachRow lines already. What was stored with the same token before, in this table, is
 * not stored again: that is how a server that did not answer in time can be asked once more.
 * @throws ResultsError `unreachable` too when `signal` is aborted
 */
export async function insertLines(
  store: StoreClient,
  table: string,
  lines: readonly Buffer[],
  token: string,
  signal?: AbortSignal,
): Promise<void> {
  try {
    const { stream } = await store.client.exec({
      query: `INSERT INTO ${store.database}.${table} FORMAT JSONEachRow`,
      values: Readable.from(lines, { objectMode: false }),
      clickhouse_settings: { ...FIXED_SETTINGS, insert_deduplication_token: token },
      ...(signal && { abort_signal: signal }),
    });
    stream.resume();
  } catch (error) {
    if (signal?.aborted) throw silent(store.place, error);
    throw toResultsError(error, store.place);
  }
}

/** `2024-11-21 12:00:00.123`, which every DateTime64(3, 'UTC') column reads alike. */
export function clickhouseTime(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}

function silent(place: string, cause: unknown): ResultsError {
  const message = `ClickHouse at ${place} does not answer (it was waited for): check --results and that the server runs.`;
  return new ResultsError('unreachable', message, { cause });
}

/** Any failure as one sentence. */
export function toResultsError(error: unknown, place: string): ResultsError {
  if (error instanceof ResultsError) return error;
  const { code, message } = error as { code?: unknown; message?: string };
  const reason = (message ?? String(error)).split('\n')[0]!.replace(/[.\s]+$/, '');
  const options = { cause: error };
  if (DENIED.has(String(code))) {
    return new ResultsError(
      'denied',
      `ClickHouse at ${place} refuses this user: ${reason}. Check user and password in --results.`,
      options,
    );
  }
  if (UNREACHABLE.has(String(code)) || /^(Timeout error|socket hang up)/i.test(reason)) {
    return new ResultsError(
      'unreachable',
      `ClickHouse at ${place} does not answer (${reason}): check --results and that the server runs.`,
      options,
    );
  }
  if (String(code) === NOT_ENOUGH_SPACE || /No space left on device|ENOSPC/.test(reason)) {
    return new ResultsError('unwritable', `The disk that holds ${place} is full: make room and run again.`, options);
  }
  return new ResultsError('failed', `The results store in ${place} failed: ${reason}.`, options);
}

/** ACCESS_DENIED, AUTHENTICATION_FAILED, UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, READONLY. */
const DENIED = new Set(['497', '516', '192', '193', '194', '164']);
const NOT_ENOUGH_SPACE = '243';
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EPIPE',
  'HPE_INVALID_CONSTANT',
]);
