/** Loads chDB only when an embedded results store is wanted: it is large, and not there on every platform. */
import {
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
  ClickHouseLogLevel,
  createClient,
} from '@clickhouse/client';
import { ResultsError } from './results-store.ts';

interface ChdbModule {
  createChdbConnection(options: { path: string }): unknown;
}

/**
 * A function that opens a directory, synchronously. It throws chDB's own error, which does not say why: the reason is on
 * standard error.
 * @throws ResultsError `failed` with the remedy when chDB is not installed or cannot be loaded here.
 */
export async function loadChdb(
  load: () => Promise<ChdbModule> = () => import('chdb/connection'),
): Promise<(directory: string) => ClickHouseClient> {
  try {
    const { createChdbConnection } = await load();
    // The client takes any connection of its own interface; chDB's types are built against another copy of it.
    type Connection = NonNullable<ClickHouseClientConfigOptions['connection']>;
    return (directory) =>
      createClient({
        connection: createChdbConnection({ path: directory }) as Connection,
        log: { level: ClickHouseLogLevel.OFF },
      });
  } catch (error) {
    const reason = (error as Error).message.split('\n')[0];
    throw new ResultsError(
      'failed',
      `chDB, the embedded ClickHouse, could not be loaded (${reason}): run 'npm ci' on Linux or macOS (x64, arm64), or ` +
        'name a ClickHouse server with --results http://host:8123/plimsoll.',
      { cause: error },
    );
  }
}
