/** How the results store speaks to ClickHouse, so that the embedded and the served one cannot tell a difference. */
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { ResultsError, type ResultsErrorCode } from './results-store.ts';

/** A connection, the database in it, and its name for error messages (`.plimsoll/results`, `http://host:8123/plimsoll`). */
export interface StoreClient {
  client: ClickHouseClient;
  database: string;
  place: string;
  /** A second connection, whose queries take table names to be of the database; it need not exist yet. Closed by whoever asked. */
  openReader: () => ClickHouseClient;
}

/** The same on every call: settings stick to an embedded connection, and servers differ in their defaults. */
export const FIXED_SETTINGS: ClickHouseSettings = {
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

/** As `queryRows`, in RowBinary, where there are too many numbers to write them out. @throws ResultsError */
export async function queryBinary(
  store: StoreClient,
  query: string,
  parameters: Record<string, string | number>,
): Promise<Buffer> {
  try {
    const { stream } = await store.client.exec({
      query: `${query} FORMAT RowBinary`,
      query_params: parameters,
      clickhouse_settings: FIXED_SETTINGS,
    });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch (error) {
    throw toResultsError(error, store.place);
  }
}

/** @throws ResultsError */
export async function runCommand(
  store: StoreClient,
  query: string,
  parameters: Record<string, string | number> = {},
): Promise<void> {
  try {
    await store.client.command({ query, query_params: parameters, clickhouse_settings: FIXED_SETTINGS });
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
  const { message } = error as { message?: string };
  const code = String((error as { code?: unknown }).code);
  const reason = (message ?? String(error)).split('\n')[0]!.replace(/[.\s]+$/, '');
  const options = { cause: error };
  const fail = (kind: ResultsErrorCode, sentence: string) => new ResultsError(kind, sentence, options);
  if (UNKNOWN_USER.has(code)) {
    return fail('denied', `ClickHouse at ${place} refuses this user: ${reason}. Check user and password in --results.`);
  }
  if (FORBIDDEN.has(code)) {
    return fail(
      'denied',
      `ClickHouse at ${place} refuses this user: ${reason}. Grant it that, or name another user in --results.`,
    );
  }
  if (CERTIFICATE.test(code)) {
    return fail(
      'unreachable',
      `The certificate of ClickHouse at ${place} is not trusted (${reason}): name the file of its authority in PLIMSOLL_RESULTS_CA.`,
    );
  }
  if (code === 'EPROTO' || code.startsWith('ERR_SSL_')) {
    return fail(
      'unreachable',
      `What answers at ${place} does not speak TLS: write http://, or name the port for https:// (ClickHouse's is 8443).`,
    );
  }
  if (/^(Timeout error|socket hang up)/i.test(reason) || UNREACHABLE.has(code)) {
    // A port for TLS hangs up on whoever speaks without.
    const tls = HUNG_UP.has(code) && place.startsWith('http:') ? ', or write https:// if it wants TLS' : '';
    return fail(
      'unreachable',
      `ClickHouse at ${place} does not answer (${reason}): check --results and that the server runs${tls}.`,
    );
  }
  if (code === NOT_ENOUGH_SPACE || /No space left on device|ENOSPC/.test(reason)) {
    return fail('unwritable', `The disk that holds ${place} is full: make room and run again.`);
  }
  return fail('failed', `The results store in ${place} failed: ${reason}.`);
}

/** AUTHENTICATION_FAILED, UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD. */
const UNKNOWN_USER = new Set(['516', '192', '193', '194']);
/** ACCESS_DENIED, READONLY. */
const FORBIDDEN = new Set(['497', '164']);
/** OpenSSL's reasons, by the names that Node gives them. */
const CERTIFICATE = /SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|^CERT_|ERR_TLS_CERT_ALTNAME_INVALID/;
const HUNG_UP = new Set(['ECONNRESET', 'EPIPE', 'HPE_INVALID_CONSTANT']);
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
