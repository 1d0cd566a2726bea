/** The list of stored runs as a table for the terminal. */
import type { RunListing } from '../results/results-store.ts';
import { formatCount, formatDate, formatDuration, formatMs } from './format.ts';

const HEADINGS = ['run', 'started', 'scenario', 'verdict', 'length', 'connections', 'delivery p99', 'name and tags'];
const RIGHT = new Set([4, 5, 6]);

/** Newest first, as given. Ends with a newline. */
export function renderRuns(runs: readonly RunListing[]): string {
  if (runs.length === 0) return 'No run is stored yet; start one with: plimsoll run smoke\n';
  const rows = [HEADINGS, ...runs.map(cells)];
  const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => (RIGHT.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  return `${rows.map(line).join('\n')}\n`;
}

function cells(run: RunListing): string[] {
  const tags = Object.entries(run.tags).map(([key, value]) => `${key}=${value}`);
  return [
    run.runId,
    formatDate(run.startedAtMs),
    run.scenario,
    run.status === 'finished' ? (run.verdict ?? '–') : run.status,
    run.finishedAtMs === null ? '–' : formatDuration((run.finishedAtMs - run.startedAtMs) / 1_000),
    run.connectionsPeak === null ? '–' : formatCount(run.connectionsPeak),
    run.deliveryP99Ms === null ? '–' : formatMs(run.deliveryP99Ms),
    [run.name === run.scenario ? '' : run.name, ...tags].filter(Boolean).join(' '),
  ];
}
