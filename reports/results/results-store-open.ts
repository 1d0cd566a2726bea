/** Opens a results store by its URL (`--results`). */
import { resolve } from 'node:path';
import { ResultsError, type ResultsStore } from './results-store.ts';
import { queryRows, type StoreClient } from './store-client.ts';

export const DEFAULT_RESULTS_URL = 'chdb:.plimsoll/results';

/**
 * `chdb:<dir>` (relative to the working directory) or `http(s)://user:pass@host:8123/database` (default `plimsoll`).
 * With `readOnly` nothing is created, and a place without results is an error `empty`.
 * @throws ResultsError
 */
export async function openResultsStore(url: string, options: { readOnly?: boolean } = {}): Promise<ResultsStore> {
  const place = parseResultsUrl(url);
  if (place.kind === 'chdb') {
    const { openChdbStore } = await import('./results-store-chdb.ts');
    return openChdbStore(place.directory, options);
  }
  const [{ ClickHouseLogLevel, createClient }, { openClickHouseStore }] = await Promise.all([
    import('@clickhouse/client'),
    import('./results-store-clickhouse.ts'),
  ]);
  const { origin, database, username, password } = place;
  const client = createClient({
    url: origin,
    username,
    password,
    application: 'plimsoll',
    // Failures reach the caller as one sentence; the client would print them as well.
    log: { level: ClickHouseLogLevel.OFF },
  });
  const store = { client, database, place: `${origin}/${database}` };
  try {
    await greetServer(store);
  } catch (error) {
    await client.close();
    throw error;
  }
  return openClickHouseStore(store, options);
}

/** Whatever answers at a wrong port is told apart here; a page of HTML would pass for a result without rows. */
async function greetServer(store: StoreClient): Promise<void> {
  const answer = await queryRows<{ one: number }>(store, 'SELECT 1 AS one').catch((error: ResultsError) => {
    const spoken = /^\d+$/.test(String((error.cause as { code?: unknown }).code));
    if (error.code !== 'failed' || spoken) throw error;
    return [];
  });
  if (answer[0]?.one !== 1) {
    throw new ResultsError('unreachable', `What answers at ${store.place} is not ClickHouse: check --results.`);
  }
}

export type ResultsPlace =
  | { kind: 'chdb'; directory: string }
  | { kind: 'server'; origin: string; database: string; username: string; password: string };

/** @throws ResultsError `invalid-url` */
export function parseResultsUrl(text: string): ResultsPlace {
  if (text.startsWith('chdb:')) {
    const directory = text.slice('chdb:'.length);
    if (directory === '') throw invalidUrl(text, 'it names no directory');
    return { kind: 'chdb', directory: resolve(directory) };
  }
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) throw invalidUrl(text, 'it is neither of the two');
  const url = new URL(text);
  if (url.search || url.hash) throw invalidUrl(text, 'it has parameters');
  const database = url.pathname.replace(/^\/|\/$/g, '') || 'plimsoll';
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(database)) {
    throw invalidUrl(text, `${database} is not a database name of letters, digits and underscores`);
  }
  return {
    kind: 'server',
    origin: url.origin,
    database,
    username: decoded(text, url.username) || 'default',
    password: decoded(text, url.password),
  };
}

function decoded(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw invalidUrl(text, 'user or password has a % that encodes nothing (write %25)');
  }
}

/** Passwords stay out of messages. */
function invalidUrl(text: string, reason: string): ResultsError {
  const shown = text.replace(/\/\/[^@/]*@/, '//…@');
  return new ResultsError(
    'invalid-url',
    `The results URL ${JSON.stringify(shown)} cannot be used, ${reason}: write chdb:<dir> or ` +
      'http(s)://user:pass@host:8123/database.',
  );
}
