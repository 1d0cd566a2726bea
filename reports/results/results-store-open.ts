/** Opens a results store by its URL (`--results`). */
import { resolve } from 'node:path';
import { ResultsError, type ResultsStore } from './results-store.ts';
import { parseRetention, RETENTION_VARIABLE } from './retention.ts';
import type { ServerPlace } from './server-client.ts';

export const DEFAULT_RESULTS_URL = 'chdb:.plimsoll/results';

/**
 * `chdb:<dir>` (relative to the working directory) or `http(s)://user:pass@host:8123/database` (default `plimsoll`).
 * With `readOnly` nothing is created, and a place without results is an error `empty`.
 * @throws ResultsError
 */
export async function openResultsStore(url: string, options: OpenOptions = {}): Promise<ResultsStore> {
  const place = parseResultsUrl(url);
  const { readOnly = false, environment = process.env } = options;
  const retention = parseRetention(environment[RETENTION_VARIABLE]);
  if (place.kind === 'chdb') {
    const { openChdbStore } = await import('./results-store-chdb.ts');
    return openChdbStore(place.directory, { readOnly, retention });
  }
  const [{ connectServer }, { openClickHouseStore }] = await Promise.all([
    import('./server-client.ts'),
    import('./results-store-clickhouse.ts'),
  ]);
  const store = await connectServer(place, { caFile: environment.PLIMSOLL_RESULTS_CA || undefined });
  return openClickHouseStore(store, { readOnly, retention });
}

export interface OpenOptions {
  readOnly?: boolean;
  /** Where settings without a flag are read: PLIMSOLL_RESULTS_CA and PLIMSOLL_RESULTS_RETENTION. Default: this process's. */
  environment?: NodeJS.ProcessEnv;
}

export type ResultsPlace = { kind: 'chdb'; directory: string } | (ServerPlace & { kind: 'server' });

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

/** Passwords stay out of messages, one with an @ or / that should have been encoded too. */
function invalidUrl(text: string, reason: string): ResultsError {
  const shown = text.replace(/\/\/.*@/, '//…@');
  return new ResultsError(
    'invalid-url',
    `The results URL ${JSON.stringify(shown)} cannot be used, ${reason}: write chdb:<dir> or ` +
      'http(s)://user:pass@host:8123/database.',
  );
}
