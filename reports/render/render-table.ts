/** The answer to a question in SQL, for the terminal, for programs and for spreadsheets. All end with a newline. */
import type { QueryResult } from '../results/free-query.ts';
import { csvCell } from './render-csv.ts';
import { padEnd, padStart, printable } from './terminal-text.ts';

/** Figures to the right, at most six digits of a fraction; null is a dash. */
export function renderTable({ columns, rows }: QueryResult): string {
  const right = columns.map(({ type }) => /^(Nullable\()?(U?Int|Float|Decimal)/.test(type));
  const lines = [columns.map(({ name }) => printable(name)), ...rows.map((row) => row.map(shown))];
  const widths = columns.map((_, column) => Math.max(...lines.map((line) => [...line[column]!].length)));
  const text = lines
    .map((line) =>
      line
        .map((cell, column) => (right[column] ? padStart : padEnd)(cell, widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
  return rows.length === 0 ? `${text}\n(no rows)\n` : `${text}\n`;
}

/** An array of objects, one a row. */
export function renderTableJson({ columns, rows }: QueryResult): string {
  const objects = rows.map((row) => Object.fromEntries(columns.map(({ name }, column) => [name, row[column]])));
  return `${JSON.stringify(objects, null, 2)}\n`;
}

/** RFC 4180 with a heading; null is empty, lists and maps are JSON. */
export function renderTableCsv({ columns, rows }: QueryResult): string {
  const lines = [columns.map(({ name }) => name), ...rows.map((row) => row.map(plain))];
  return lines.map((line) => `${line.map(csvCell).join(',')}\n`).join('');
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
  return printable(typeof value === 'string' ? value : JSON.stringify(value));
}

function plain(value: unknown): string | number {
  if (value === null || value === undefined) return '';
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
}
