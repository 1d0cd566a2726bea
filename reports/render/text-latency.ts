/** The latencies of a run as a table in the terminal. A narrow one leaves out the columns that say least. */
import type { RunSummary, TrendValues } from '../../loadgen/recorder/summary.ts';
import { formatCount, formatMsCell } from './format.ts';
import { latencyRows, scenarioRows } from './summary-view.ts';
import { padEnd, padStart, printable } from './terminal-text.ts';
import { heading, type Layout } from './text-layout.ts';

const COLUMNS = ['avg', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max', 'count'] as const;
type Column = (typeof COLUMNS)[number];
/** In this order they are left out. */
const LEAST_FIRST: readonly Column[] = ['avg', 'p(95)', 'p(90)', 'count', 'p(99.9)', 'med'];
const NAME = 14;
const BASIS = 10;

export function latencyBlock(summary: RunSummary, layout: Layout): string[] {
  const rows = latencyRows(summary);
  if (rows.length === 0) return [...heading(layout, 'LATENCY'), 'no sample was recorded'];
  const { paint, width } = layout;
  const beside = width >= NAME + BASIS + 3 * cellWidth('max');
  const columns = columnsWithin(width - (beside ? NAME + BASIS : 0));
  const lines = (name: string, basis: string, values: TrendValues, quiet = false): string[] => {
    const style = quiet ? 'dim' : 'none';
    const cells = columns.map((column) => padStart(cellText(values, column), cellWidth(column))).join('');
    if (beside) return [paint(`${padEnd(name, NAME)}${padEnd(basis, BASIS)}${cells}`, style)];
    return [paint(`${name} ${basis}`.trim(), style), paint(cells, style)];
  };
  const header = columns.map((column) => padStart(column.replace(/[()]/g, ''), cellWidth(column))).join('');
  return [
    ...heading(layout, 'LATENCY', 'steady phase, milliseconds'),
    paint(`${beside ? ' '.repeat(NAME + BASIS) : ''}${header}`, 'dim'),
    ...rows.flatMap(({ label, basis, values }) =>
      lines(basis === 'service' && beside ? '' : label, basis ?? '', values, basis === 'service'),
    ),
    ...scenarioRows(summary).flatMap(({ scenario, label, values }, index, all) => {
      const named = beside && all[index - 1]?.scenario === scenario;
      return lines(named ? '' : printable(scenario).slice(0, NAME - 1), label.slice(0, BASIS), values);
    }),
  ];
}

function columnsWithin(width: number): Column[] {
  const columns = new Set<Column>(COLUMNS);
  const needed = (): number => [...columns].reduce((sum, column) => sum + cellWidth(column), 0);
  for (const column of LEAST_FIRST) if (needed() > width) columns.delete(column);
  return [...columns];
}

function cellWidth(column: Column): number {
  return column === 'count' ? 11 : 9;
}

function cellText(values: TrendValues, column: Column): string {
  return column === 'count' ? formatCount(values.count) : formatMsCell(values[column]);
}
