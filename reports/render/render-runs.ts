/** The stored runs as a table for the terminal, in the order given. */
import type { RunListing } from '../results/results-store.ts';
import { formatCount, formatDate, formatMs } from './format.ts';
import { VERDICT_LABELS } from './summary-view.ts';
import { padEnd, padStart, printable } from './terminal-text.ts';

const COLUMNS: ReadonlyArray<{ title: string; number?: true; cell: (run: RunListing) => string }> = [
  { title: 'run', cell: (run) => run.runId },
  { title: 'started', cell: (run) => formatDate(run.startedAtMs) },
  { title: 'name', cell: (run) => run.name || run.scenario },
  { title: 'verdict', cell: (run) => (run.verdict === null ? run.status : VERDICT_LABELS[run.verdict]) },
  { title: 'connections', number: true, cell: (run) => optional(run.connectionsPeak, formatCount) },
  { title: 'delivery p99', number: true, cell: (run) => optional(run.deliveryP99Ms, formatMs) },
  {
    title: 'tags',
    cell: (run) =>
      Object.entries(run.tags)
        .map(([key, value]) => `${key}=${value}`)
        .join(' '),
  },
];

/** Ends with a newline. */
export function renderRuns(runs: RunListing[]): string {
  if (runs.length === 0) return 'No run is stored here yet; `plimsoll run <scenario>` makes one.\n';
  const columns = COLUMNS.map(({ title, number, cell }) => {
    const cells = [title, ...runs.map((run) => printable(cell(run)))];
    const width = Math.max(...cells.map((text) => [...text].length));
    return cells.map((text) => (number ? padStart(text, width) : padEnd(text, width)));
  });
  const lines = [undefined, ...runs].map((_, row) =>
    columns
      .map((column) => column[row])
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

function optional(value: number | null, format: (value: number) => string): string {
  return value === null ? '–' : format(value);
}
