/** `plimsoll query`: a question about stored runs, one of the ready ones or SQL of one's own; reads only. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Argv, CommandModule } from 'yargs';
import { type ReadyQuery, readyQueries } from '../../reports/queries/ready-queries.ts';
import { renderTable, renderTableCsv, renderTableJson } from '../../reports/render/render-table.ts';
import { suggestion } from '../closest-name.ts';
import { packageRoot } from '../package-root.ts';
import { UsageError } from './exit-codes.ts';
import { FLAGS } from './flags.ts';
import { openResults } from './wiring.ts';

const builder = (argv: Argv) =>
  argv
    .positional('query', {
      type: 'string',
      describe: 'a ready query’s name, SQL, or - for SQL from standard input; without it the ready ones are listed',
    })
    .option('results', FLAGS.results)
    .option('run', {
      type: 'string',
      default: 'latest',
      describe: 'of queries about one run: its id (or the beginning), its name, or latest',
    })
    .option('param', {
      type: 'string',
      array: true,
      default: [] as string[],
      describe: 'k=v for {k:Type} in the SQL, may be repeated',
    })
    .option('csv', { type: 'boolean', default: false, describe: 'print CSV' })
    .option('json', FLAGS.json)
    .example('$0 query', 'what can be asked')
    .example('$0 query slow-agent --run nightly', 'of the newest run of that name')
    .example('$0 query "SELECT run_id, started_at FROM runs" --csv', 'a question of your own');

type Arguments = ReturnType<typeof builder> extends Argv<infer A> ? A : never;

export const queryCommand: CommandModule<object, Arguments> = {
  command: 'query [query]',
  describe: 'ask stored runs in SQL, or one of the ready questions',
  builder,
  async handler(argv) {
    if (argv.csv && argv.json) throw new UsageError('--csv and --json are two forms of one answer: choose one');
    const ready = readyQueries(join(packageRoot(), 'reports', 'queries'));
    if (argv.query === undefined) {
      process.stdout.write(argv.json ? `${JSON.stringify(ready, null, 2)}\n` : listing(ready));
      return;
    }
    const { sql, parameters } = chosen(argv.query, ready, readParameters(argv.param));
    const store = await openResults(argv.results, { readOnly: true });
    try {
      const ofRun = /\{\s*run\s*:/.test(sql) && parameters.run === undefined;
      const answer = await store.query(sql, parameters, ofRun ? argv.run : undefined);
      const render = argv.json ? renderTableJson : argv.csv ? renderTableCsv : renderTable;
      process.stdout.write(render(answer));
    } finally {
      await store.close();
    }
  },
};

interface Question {
  sql: string;
  parameters: Record<string, string>;
}

/** Names have no spaces, and SQL has. */
function chosen(query: string, ready: ReadyQuery[], given: Record<string, string>): Question {
  if (query === '-') return { sql: readFileSync(process.stdin.fd, 'utf8'), parameters: given };
  if (query.trim() === '')
    throw new UsageError(
      'the query is empty: give SQL or a ready query’s name; without any, "plimsoll query" lists those',
    );
  if (/\s/.test(query.trim())) return { sql: query, parameters: given };
  const names = ready.map(({ name }) => name);
  const found = ready.find(({ name }) => name === query.trim());
  if (!found) throw new UsageError(`there is no ready query "${query}"${suggestion(query, names)}`);
  const known = found.parameters.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const takes = known.length === 0 ? ', which takes none' : suggestion(unknown, known);
    throw new UsageError(`--param ${unknown} is not a parameter of ${found.name}${takes}`);
  }
  const defaults = found.parameters.flatMap(({ name, value }) => (value === null ? [] : [[name, value]]));
  return { sql: found.sql, parameters: { ...Object.fromEntries(defaults), ...given } };
}

function readParameters(written: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    written.map((parameter) => {
      const at = parameter.indexOf('=');
      if (at < 1) throw new UsageError(`--param must be written k=v, not "${parameter}"`);
      return [parameter.slice(0, at), parameter.slice(at + 1)];
    }),
  );
}

function listing(ready: ReadyQuery[]): string {
  const width = Math.max(...ready.map(({ name }) => name.length));
  const lines = ready.map(({ name, question, parameters }) => {
    const settable = parameters.flatMap(({ name: parameter, value }) =>
      parameter === 'run' ? [] : [`${parameter}=${value || '(all)'}`],
    );
    const takes = settable.length === 0 ? '' : `\n${' '.repeat(width + 2)}--param ${settable.join(', ')}`;
    return `${name.padEnd(width)}  ${question}${takes}`;
  });
  return `${lines.join('\n')}\n\nAsk one with: plimsoll query <name> [--run <run>]; or ask in SQL: plimsoll query "SELECT …"\n`;
}
