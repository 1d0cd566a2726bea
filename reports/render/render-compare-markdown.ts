/** A comparison for a pull request: the verdict, unlike conditions, the judged rows; everything else folded away. */
import type { Comparison } from '../compare/comparison.ts';
import {
  COMPARISON_LABELS,
  figureRows,
  lossRows,
  methodSentences,
  type RowView,
  sideText,
  trendRows,
} from './compare-view.ts';
import { bullets, COMMENT_MOST, code, escapeMarkdown, folded, joinWithin, section, table } from './markdown-text.ts';

const MARKS: Record<RowView['verdict'], string> = {
  worse: '❌ worse',
  better: '✅ better',
  'no difference seen': 'no difference seen',
  'too few': '⚠️ too few samples',
  'no interval': 'no interval',
  'not comparable': 'not comparable',
};

/** Ends with a newline. */
export function renderCompareMarkdown(comparison: Comparison): string {
  const { a, b, sentence, verdict, remarks, trends } = comparison;
  const rows = [
    ...trends.flatMap((trend) => trendRows(trend).map((row) => ({ ...row, of: trend.metric, unit: ' ms' }))),
    ...figureRows(comparison).map((row) => ({ ...row, of: '', unit: '' })),
  ];
  const judged = rows.filter((row) => row.judged);
  const others = rows.filter((row) => !row.judged);
  const title = `${COMPARISON_LABELS[verdict]}: ${escapeMarkdown(b.label)} against ${escapeMarkdown(a.label)}`;
  return joinWithin(COMMENT_MOST, [
    section(title, escapeMarkdown(sentence)),
    unlikeTable(comparison),
    rowTable(judged),
    lossTable(comparison),
    others.length === 0 ? '' : folded(`${others.length} rows that were only looked at`, rowTable(others)),
    folded(
      'Runs and method',
      bullets([`a: ${sideText(a)}`, `b: ${sideText(b)}`, ...remarks, ...methodSentences(comparison)]),
    ),
  ]);
}

function unlikeTable({ unlike }: Comparison): string {
  if (unlike.length === 0) return '';
  const rows = unlike.map(({ what, a, b }) => [what, a, b].map(escapeMarkdown));
  return `**The conditions were not the same**; part of any difference may come from them.\n\n${table(['condition', 'a', 'b'], rows, ['left', 'right', 'right'])}`;
}

function lossTable(comparison: Comparison): string {
  const rows = lossRows(comparison).map(({ name, a, b, verdict }) => [name, a, b, MARKS[verdict]]);
  return rows.length === 0 ? '' : table(['messages', 'a', 'b', 'verdict'], rows, ['left', 'right', 'right']);
}

function rowTable(rows: Array<RowView & { of: string; unit: string }>): string {
  if (rows.length === 0) return '';
  const cells = rows.map((row) => [
    row.of === '' ? row.name : `${code(row.of)} ${row.name}`,
    row.a + row.unit,
    row.b + row.unit,
    row.change,
    row.interval,
    MARKS[row.verdict],
  ]);
  const align: Array<'left' | 'right'> = ['left', 'right', 'right', 'right', 'right'];
  return table(['', 'a', 'b', 'change', 'interval', 'verdict'], cells, align);
}
