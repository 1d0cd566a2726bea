/** Whose a database is: nobody's yet, ours, or another program's, which nothing may be put into. */
import { ResultsError } from './results-store.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/**
 * The version of our tables in `store.database`; 0 when there is no store yet, or one that was never completed.
 * @param firstTables the statements that create the tables of version 1
 * @throws ResultsError `foreign` for tables that are not ours, those included that only have a name of ours
 */
export async function storedVersion(store: StoreClient, firstTables: readonly string[]): Promise<number> {
  const { database, place } = store;
  const ours = new Map(firstTables.map(definedBy));
  const found = await columnsOf(store);
  const known = [...found].filter(([table]) => ours.has(table));
  const other = known.find(([table, columns]) => ours.get(table)!.some((column) => !columns.has(column)));
  if (other === undefined && found.has('schema_version')) {
    const [row] = await queryRows<{ version: number }>(
      store,
      `SELECT max(version) AS version FROM ${database}.schema_version`,
    );
    if (row !== undefined && row.version > 0) return row.version;
  }
  // A crash between the first statements leaves our tables without a version: they are completed.
  const foreign = other?.[0] ?? [...found.keys()].find((table) => !ours.has(table));
  if (foreign !== undefined) {
    throw new ResultsError(
      'foreign',
      `The database ${database} in ${place} holds another program's tables (${foreign}): name another database.`,
    );
  }
  return 0;
}

/** By table. */
async function columnsOf(store: StoreClient): Promise<Map<string, Set<string>>> {
  const rows = await queryRows<{ table: string; columns: string[] }>(
    store,
    `SELECT table, groupArray(name) AS columns FROM system.columns WHERE database = '${store.database}' GROUP BY table
     ORDER BY table`,
  );
  return new Map(rows.map(({ table, columns }) => [table, new Set(columns)]));
}

/** `CREATE TABLE IF NOT EXISTS database.table (` and a column at the beginning of each line. */
function definedBy(statement: string): [table: string, columns: string[]] {
  const table = /\.(\w+) \(\n/.exec(statement)![1]!;
  return [table, [...statement.matchAll(/^ +([a-z]\w*) /gm)].map((match) => match[1]!)];
}
