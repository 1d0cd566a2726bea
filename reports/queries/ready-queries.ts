/** The questions that are ready to be asked: files of SQL whose first comment says what they answer and take. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface QueryParameter {
  name: string;
  /** Null: it must be given. */
  value: string | null;
  meaning: string;
}

export interface ReadyQuery {
  /** The file's, without its extension. */
  name: string;
  question: string;
  parameters: QueryParameter[];
  /** What its columns are, in words. */
  columns: string;
  sql: string;
}

/** All of a folder, by name. */
export function readyQueries(folder: string): ReadyQuery[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => parseQuery(file.slice(0, -'.sql'.length), readFileSync(join(folder, file), 'utf8')));
}

/**
 * The comment at the top: the question, then `parameter <name>[ = <value>]: <meaning>` for each, where `(all)` stands for the
 * empty text, then `columns: …`; lines that begin further in go on with the one above.
 */
export function parseQuery(name: string, sql: string): ReadyQuery {
  const end = sql.search(/^(?!--)/m);
  const lines = sql
    .slice(0, end)
    .trimEnd()
    .replace(/\n-- {2,}/g, ' ')
    .split('\n')
    .map((line) => line.replace(/^-- ?/, ''));
  const columns = lines.find((line) => line.startsWith('columns: ')) ?? '';
  return {
    name,
    question: lines[0] ?? '',
    parameters: lines.flatMap((line) => {
      const found = /^parameter (\w+)(?: = (\S+))?: (.*)$/.exec(line);
      if (!found) return [];
      return { name: found[1]!, value: found[2] === '(all)' ? '' : (found[2] ?? null), meaning: found[3]! };
    }),
    columns: columns.slice('columns: '.length),
    sql,
  };
}
