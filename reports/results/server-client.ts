/** The connection to a ClickHouse server, made and greeted: what does not answer like one is refused in a sentence. */
import { readFileSync } from 'node:fs';
import { type ClickHouseClientConfigOptions, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { ResultsError } from './results-store.ts';
import { type StoreClient, toResultsError } from './store-client.ts';

export interface ServerPlace {
  /** `https://host:8443`, without user and password. */
  origin: string;
  database: string;
  username: string;
  password: string;
}

export interface ServerOptions {
  /** PEM file of the authority that signed the server's certificate; without it those that Node trusts. */
  caFile?: string | undefined;
  /** How long the server may think about "who are you", ms. Default 10,000. */
  greetingMs?: number;
}

/** Older ones lack settings that every call carries, or were never tried. */
export const OLDEST_SERVER = '24.8';

/** Longest silence within one request, ms: a query over many runs takes a while, an upgrade of the tables too. */
const REQUEST_MS = 60_000;

/**
 * Connects and asks for the version, so that whatever is wrong with the address, the user or the server is known before
 * any load is sent.
 * @throws ResultsError `unreachable`, `denied`, `foreign` (too old a server), `invalid-url` (an authority that cannot be read)
 */
export async function connectServer(place: ServerPlace, options: ServerOptions = {}): Promise<StoreClient> {
  const { origin, database, username, password } = place;
  const settings: ClickHouseClientConfigOptions = {
    url: origin,
    username,
    password,
    application: 'plimsoll',
    request_timeout: REQUEST_MS,
    // Results are read over a network once; what is written all the time would cost the load generator CPU.
    compression: { response: !isLoopback(origin), request: false },
    // Servers close idle connections after 3 s (before 23.11) or more: whoever reuses one in that moment gets a reset.
    keep_alive: { enabled: true, idle_socket_ttl: 2000, eagerly_destroy_stale_sockets: true },
    // Failures reach the caller as one sentence; the client would print them as well.
    log: { level: ClickHouseLogLevel.OFF },
    ...(origin.startsWith('https:') && options.caFile && { tls: { ca_cert: readAuthority(options.caFile) } }),
  };
  const client = createClient(settings);
  const store: StoreClient = {
    client,
    database,
    place: `${origin}/${database}`,
    openReader: () => createClient({ ...settings, database }),
  };
  try {
    await greetServer(store, options.greetingMs ?? 10_000);
  } catch (error) {
    await client.close();
    throw error;
  }
  return store;
}

/** Whatever answers at a wrong port is told apart here; a page of HTML would pass for a result without rows. */
async function greetServer(store: StoreClient, greetingMs: number): Promise<void> {
  const signal = AbortSignal.timeout(greetingMs);
  let version: unknown;
  try {
    // Without settings: an old server would complain of those that it does not know.
    const answer = await store.client.query({
      query: 'SELECT version() AS version',
      format: 'JSONEachRow',
      abort_signal: signal,
    });
    version = (await answer.json<{ version: string }>())[0]?.version;
  } catch (error) {
    if (signal.aborted) {
      throw new ResultsError(
        'unreachable',
        `ClickHouse at ${store.place} did not answer within ${greetingMs / 1000} s: check --results and that the server runs.`,
        { cause: error },
      );
    }
    const refusal = toResultsError(error, store.place);
    // ClickHouse's own errors have a number; a failure without one came of an answer that made no sense.
    const spoken = /^\d+$/.test(String((error as { code?: unknown }).code));
    if (refusal.code !== 'failed' || spoken) throw refusal;
  }
  const numbers = /^(\d+)\.(\d+)/.exec(String(version));
  if (!numbers) {
    throw new ResultsError('unreachable', `What answers at ${store.place} is not ClickHouse: check --results.`);
  }
  const [year, month] = OLDEST_SERVER.split('.').map(Number) as [number, number];
  if (Number(numbers[1]) > year || (Number(numbers[1]) === year && Number(numbers[2]) >= month)) return;
  throw new ResultsError(
    'foreign',
    `ClickHouse at ${store.place} is version ${version}; Plimsoll needs ${OLDEST_SERVER} or newer: update the server, or ` +
      'use chdb:<dir>.',
  );
}

function isLoopback(origin: string): boolean {
  const { hostname } = new URL(origin);
  return hostname === 'localhost' || hostname === '[::1]' || /^127\./.test(hostname);
}

/** @throws ResultsError `invalid-url` */
function readAuthority(file: string): Buffer {
  let text: Buffer;
  try {
    text = readFileSync(file);
  } catch (error) {
    throw new ResultsError('invalid-url', `PLIMSOLL_RESULTS_CA cannot be read: ${(error as Error).message}.`);
  }
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw new ResultsError('invalid-url', `PLIMSOLL_RESULTS_CA names ${file}, which holds no certificate in PEM form.`);
}
