/** A comparison in the terminal: unlike conditions first, then the rows, and the whole in one sentence last. At most 100 columns. */
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
import { formatCount } from './format.ts';
import { type Paint, padEnd, padStart, painter, printable, wrapText } from './terminal-text.ts';

export interface CompareTextOptions {
  colour?: boolean;
  /** Files written, shown before the last sentence. */
  outputs?: Array<{ label: string; value: string }>;
}

const WIDTH = 100;
const TONES = {
  worse: 'red',
  better: 'green',
  'no difference seen': 'none',
  'too few': 'yellow',
  'no interval': 'dim',
  'not comparable': 'yellow',
} as const;

/** Ends with a newline. */
export function renderCompareText(comparison: Comparison, options: CompareTextOptions = {}): string {
  const paint = painter(options.colour ?? false);
  const blocks = [
    ['a', 'b'].flatMap((side) => sideLines(side as 'a' | 'b', comparison, paint)),
    unlikeBlock(comparison, paint),
    latencyBlock(comparison, paint),
    figureBlock(comparison, paint),
    lossBlock(comparison, paint),
    bullets('NOTES', [...comparison.remarks, ...methodSentences(comparison)], paint),
    (options.outputs ?? []).map(({ label, value }) => padEnd(label, 14) + paint(printable(value), 'bold')),
    conclusion(comparison, paint),
  ];
  const shown = blocks.filter((block) => block.length > 0);
  return `\n${shown.map((block) => block.map((line) => `  ${line}`.trimEnd()).join('\n')).join('\n\n')}\n`;
}

function sideLines(side: 'a' | 'b', comparison: Comparison, paint: Paint): string[] {
  const lines = wrapText(sideText(comparison[side]), WIDTH - 5);
  return lines.map((line, index) => `${index === 0 ? paint(side, 'bold') : ' '}  ${line}`);
}

function unlikeBlock({ unlike }: Comparison, paint: Paint): string[] {
  if (unlike.length === 0) return [];
  const width = Math.max(...unlike.map(({ what }) => what.length));
  return [
    paint('THE CONDITIONS WERE NOT THE SAME: part of any difference may come from them', 'yellow', 'bold'),
    ...unlike.flatMap(({ what, a, b }) =>
      wrapText(`${a} → ${b}`, WIDTH - width - 6).map(
        (line, index) => `${padEnd(index === 0 ? what : '', width)}  ${line}`,
      ),
    ),
  ];
}

function latencyBlock(comparison: Comparison, paint: Paint): string[] {
  const { trends } = comparison;
  if (trends.length === 0) return [paint('LATENCY', 'bold'), 'no latency was measured on both sides'];
  const tables = trends.map((trend) => ({ trend, rows: trendRows(trend) }));
  const widths = columnWidths(tables.flatMap(({ rows }) => rows));
  return [
    `${paint('LATENCY', 'bold')}  ${paint('steady phase, milliseconds', 'dim')}`,
    paint(line(widths, ['', 'a', 'b', 'change', 'interval', '']), 'dim'),
    ...tables.flatMap(({ trend, rows }) => [
      `${trend.metric}  ${paint(`${formatCount(trend.count.a)} and ${formatCount(trend.count.b)} samples`, 'dim')}`,
      ...rows.flatMap((row) => rowLines(row, widths, paint)),
    ]),
  ];
}

function figureBlock(comparison: Comparison, paint: Paint): string[] {
  const rows = figureRows(comparison);
  if (rows.length === 0) return [];
  const widths = columnWidths(rows);
  return [
    paint('THROUGHPUT AND COST', 'bold'),
    paint(line(widths, ['', 'a', 'b', 'change', 'interval', '']), 'dim'),
    ...rows.flatMap((row) => rowLines(row, widths, paint)),
  ];
}

function lossBlock(comparison: Comparison, paint: Paint): string[] {
  const rows = lossRows(comparison);
  if (rows.length === 0) return [];
  const widths = [12, ...(['a', 'b'] as const).map((side) => Math.max(...rows.map((row) => row[side].length)))];
  return [
    `${paint('MESSAGES', 'bold')}  ${paint('any in b where a had none is a regression', 'dim')}`,
    ...rows.map(
      ({ name, a, b, verdict }) =>
        `${padEnd(name, widths[0]!)}${padStart(a, widths[1]!)}  ${padStart(b, widths[2]!)}  ${paint(verdict, TONES[verdict])}`,
    ),
  ];
}

function conclusion({ verdict, sentence }: Comparison, paint: Paint): string[] {
  const tone = { worse: 'red', better: 'green', 'no difference seen': 'none', 'not judged': 'yellow' } as const;
  return [paint(COMPARISON_LABELS[verdict], tone[verdict], 'bold'), ...wrapText(sentence, WIDTH - 2)];
}

type Widths = [number, number, number, number, number, number];

function columnWidths(rows: RowView[]): Widths {
  const widest = (least: number, of: (row: RowView) => string): number =>
    Math.max(least, ...rows.map((row) => of(row).length));
  return [
    widest(8, ({ name }) => name) + 4,
    widest(6, ({ a }) => a),
    widest(6, ({ b }) => b),
    widest(6, ({ change }) => change),
    widest(8, ({ interval }) => interval),
    0,
  ];
}

function line(widths: Widths, [name = '', ...cells]: string[]): string {
  return padEnd(name, widths[0]) + cells.map((cell, index) => padStart(cell, widths[index + 1]!)).join('  ');
}

function rowLines(row: RowView, widths: Widths, paint: Paint): string[] {
  const { name, a, b, change, interval, verdict, judged, reason } = row;
  const said = verdict === 'no difference seen' ? 'no difference seen' : verdict;
  const plain = line(widths, [`  ${name}${judged ? ' *' : ''}`, a, b, change, interval]);
  const text = `${plain}  ${paint(said, TONES[verdict])}`;
  return reason === '' || !(judged || verdict === 'not comparable')
    ? [text]
    : [text, ...wrapText(reason, WIDTH - 8).map((each) => paint(`      ${each}`, 'dim'))];
}

function bullets(title: string, sentences: string[], paint: Paint): string[] {
  return [
    paint(title, 'bold'),
    ...sentences.flatMap((sentence) =>
      wrapText(sentence, WIDTH - 4).map((text, index) => `${index === 0 ? '·' : ' '} ${text}`),
    ),
  ];
}
