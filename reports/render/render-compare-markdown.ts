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

const MARKS: Record<RowView['verdict'], string> = {
  worse: '❌ worse',
  better: '✅ better',
  'no difference seen': 'no difference seen',
  'too few': '⚠️ too few samples',
  'no interval': 'no interval',
};

/** Ends with a newline. */
export function renderCompareMarkdown(comparison: Comparison): string {
  const rows = [
    ...comparison.trends.flatMap((trend) => trendRows(trend).map((row) => ({ ...row, of: trend.metric, unit: ' ms' }))),
    ...figureRows(comparison).map((row) => ({ ...row, of: '', unit: '' })),
  ];
  const judged = rows.filter((row) => row.judged);
  const others = rows.filter((row) => !row.judged);
  const losses = lossRows(comparison);
  return `${[
    `### ${COMPARISON_LABELS[comparison.verdict]}: ${escapeCell(comparison.b.label)} against ${escapeCell(comparison.a.label)}`,
    escapeCell(comparison.sentence),
    unlikeTable(comparison),
    rowTable(judged),
    losses.length === 0
      ? ''
      : table(
          ['messages', 'a', 'b', 'verdict'],
          losses.map(({ name, a, b, verdict }) => [name, a, b, MARKS[verdict]]),
        ),
    others.length === 0
      ? ''
      : `<details><summary>${others.length} rows that were only looked at</summary>\n\n${rowTable(others)}\n\n</details>`,
    `<details><summary>Runs and method</summary>\n\n${[
      `a: ${sideText(comparison.a)}`,
      `b: ${sideText(comparison.b)}`,
      ...comparison.remarks,
      ...methodSentences(comparison),
    ]
      .map((sentence) => `- ${escapeCell(sentence)}`)
      .join('\n')}\n\n</details>`,
  ]
    .filter((part) => part !== '')
    .join('\n\n')}\n`;
}

function unlikeTable({ unlike }: Comparison): string {
  if (unlike.length === 0) return '';
  return `**The conditions were not the same**; part of any difference may come from them.\n\n${table(
    ['condition', 'a', 'b'],
    unlike.map(({ what, a, b }) => [what, a, b]),
  )}`;
}

function rowTable(rows: Array<RowView & { of: string; unit: string }>): string {
  if (rows.length === 0) return '';
  return table(
    ['', 'a', 'b', 'change', 'interval', 'verdict'],
    rows.map((row) => [
      row.of === '' ? row.name : `\`${row.of}\` ${row.name}`,
      row.a + row.unit,
      row.b + row.unit,
      row.change,
      row.interval,
      MARKS[row.verdict],
    ]),
  );
}

function table(header: string[], rows: string[][]): string {
  const cells = (row: string[]): string =>
    `| ${row.map((cell, i) => (header[i] === '' ? cell : escapeCell(cell))).join(' | ')} |`;
  const alignment = header.map((name) => (['a', 'b', 'change', 'interval'].includes(name) ? '---:' : '---'));
  return [cells(header), `| ${alignment.join(' | ')} |`, ...rows.map(cells)].join('\n');
}

/** Text of runs must not end a cell or become markup. */
function escapeCell(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>|]/g, (character) => `\\${character}`);
}
