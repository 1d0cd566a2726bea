/** Questions in SQL by whoever asks: they read, and change nothing. */
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { ResultsError } from './results-store.ts';
import { FIXED_SETTINGS, type StoreClient, toResultsError } from './store-client.ts';

/** Values are as JSON has them; whole numbers beyond 2^53 are strings, because a JavaScript number would be another. */
export interface QueryResult {
  columns: Array<{ name: string; type: string }>;
  rows: unknown[][];
}

/**
 * @param parameters for `{name:Type}` in the SQL
 * @throws ResultsError `bad-query` when it is wrong or would not only read
 */
export async function askFreely(
  store: StoreClient,
  sql: string,
  parameters: Record<string, string>,
): Promise<QueryResult> {
  const { question, readsOnly } = checkQuestion(sql);
  // Settings stick to an embedded connection, and `readonly` can't be taken back: the question has a connection of its own.
  const reader = store.openReader();
  try {
    await reader.command({ query: `USE ${store.database}` });
    // What the engine can't read either is told so by it; whatever else it might do is not to happen.
    if (!readsOnly && (await isStatement(reader, question))) throw writes('');
    return await ask(reader, question, parameters);
  } catch (error) {
    throw badQuery(error, store.place);
  } finally {
    await reader.close();
  }
}

async function ask(
  reader: ClickHouseClient,
  query: string,
  query_params: Record<string, string>,
): Promise<QueryResult> {
  const result = await reader.query({
    query,
    format: 'JSONCompact',
    query_params,
    clickhouse_settings: QUESTION_SETTINGS,
  });
  const { meta = [], data } = await result.json<unknown[]>();
  const rows = data.map((row) => row.map((value, column) => exactNumber(value, meta[column]!.type)));
  return { columns: meta, rows };
}

const QUESTION_SETTINGS: ClickHouseSettings = {
  ...FIXED_SETTINGS,
  output_format_json_quote_64bit_integers: 1,
  readonly: '2',
};

/**
 * `readonly` of the engine refuses changes of tables and of settings. What it lets pass is refused here: writing to files,
 * and ending the queries of others.
 */
function checkQuestion(sql: string): { question: string; readsOnly: boolean } {
  const question = sql.trim().replace(/[;\s]+$/, '');
  const bare = withoutTextAndComments(question);
  if (bare.trim() === '') throw new ResultsError('bad-query', 'The query is empty: write SQL that starts with SELECT.');
  if (bare.includes(';')) {
    throw new ResultsError(
      'bad-query',
      'A query is one statement: ask what stands behind the ; in a query of its own.',
    );
  }
  const verb = /^[\s(]*(\w*)/.exec(bare)![1]!.toUpperCase();
  if (verb === 'SHOW')
    throw writes('; tables are listed by SELECT name FROM system.tables WHERE database = currentDatabase()');
  if (/\b(INSERT|INTO)\b/i.test(bare)) throw writes('');
  if (/\bFORMAT\s+\w+\s*$/i.test(bare)) {
    throw new ResultsError('bad-query', 'A query takes no FORMAT: --json and --csv choose the form of the answer.');
  }
  return { question, readsOnly: ['SELECT', 'WITH', 'DESCRIBE', 'DESC', 'EXPLAIN', 'EXISTS'].includes(verb) };
}

function writes(instead: string): ResultsError {
  return new ResultsError(
    'bad-query',
    `A query only reads: it starts with SELECT, WITH, DESCRIBE or EXPLAIN and writes to no table or file${instead}.`,
  );
}

/** Whether the engine could make sense of it; nothing is carried out. */
async function isStatement(reader: ClickHouseClient, text: string): Promise<boolean> {
  try {
    const result = await reader.query({
      query: `EXPLAIN AST ${text}`,
      format: 'JSONCompact',
      clickhouse_settings: QUESTION_SETTINGS,
    });
    await result.json();
    return true;
  } catch (error) {
    return String((error as { code?: unknown }).code) !== SYNTAX_ERROR;
  }
}

/** What quotes and comments hold must not be taken for SQL. */
function withoutTextAndComments(sql: string): string {
  return sql.replace(/'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`|--[^\n]*|\/\*[\s\S]*?\*\//g, (part) =>
    /^['"`]/.test(part) ? "''" : ' ',
  );
}

/** Numbers that were quoted because they may be too large become numbers again where they are not. */
function exactNumber(value: unknown, type: string): unknown {
  if (!/Int(64|128|256)/.test(type) || /String/.test(type)) return value;
  if (Array.isArray(value)) return value.map((each) => exactNumber(each, type));
  if (typeof value !== 'string' || !/^-?\d+$/.test(value)) return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function badQuery(error: unknown, place: string): ResultsError {
  const known = toResultsError(error, place);
  const { code, message = '' } = error as { code?: unknown; message?: string };
  if (!/^\d+$/.test(String(code)) || ENGINES_OWN.has(String(code)) || !['failed', 'denied'].includes(known.code))
    return known;
  const reason = message
    .replace(/\s+/g, ' ')
    // The form that the client asked for, which the asker did not write, and the list of all that could have come.
    .replace(/ ?FORMAT JSONCompact/g, '')
    .replace(/ Expected one of: .*$/, '')
    .replace(/^default: /, '')
    .replace(/[\s.:]+$/, '');
  return new ResultsError('bad-query', `The query was refused: ${reason}.`, { cause: error });
}

const SYNTAX_ERROR = '62';
/** Not the question's fault: memory, timeout, too many queries, disk, who asks. */
const ENGINES_OWN = new Set(['241', '159', '202', '243', '516', '192', '193', '194']);
