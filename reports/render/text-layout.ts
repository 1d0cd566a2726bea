/** How blocks of the terminal summary use the width that they have: prose is wrapped, rows are stacked where they don't fit side by side. */
import { type Paint, padEnd, visibleWidth, wrapText } from './terminal-text.ts';

export interface Layout {
  paint: Paint;
  /** Columns between the margins. */
  width: number;
  /** Of the column of labels. */
  labels: number;
}

const MARGIN = '  ';
const LABELS = 17;
/** Narrower text has its labels above what they name. */
const SIDE_BY_SIDE = 60;

/** @param columns of the terminal. */
export function layoutOf(paint: Paint, columns: number, longestLabel = 0): Layout {
  return { paint, width: Math.max(columns, 24) - MARGIN.length, labels: Math.max(LABELS, longestLabel + 2) };
}

/** Ends with a newline. */
export function joinBlocks(blocks: string[][]): string {
  const shown = blocks.filter((block) => block.length > 0);
  const lines = shown.map((block) => block.map((line) => (line === '' ? '' : `${MARGIN}${line}`)).join('\n'));
  return `\n${lines.join('\n\n')}\n\n`;
}

/** The title of a block, with a remark beside it, or below where there is no room. */
export function heading({ paint, width }: Layout, title: string, remark = ''): string[] {
  if (remark === '') return [paint(title, 'bold')];
  if (title.length + 2 + visibleWidth(remark) <= width) return [`${paint(title, 'bold')}  ${paint(remark, 'dim')}`];
  return [paint(title, 'bold'), ...wrapText(remark, width).map((line) => paint(line, 'dim'))];
}

export function bullet({ width }: Layout, sentence: string, mark: string): string[] {
  return wrapText(sentence, width - 2).map((line, index) => `${index === 0 ? mark : ' '} ${line}`);
}

/** A label and its value, which may not be wrapped twice: `style` paints each line. */
export function row(
  { width, labels }: Layout,
  label: string,
  value: string,
  style: (line: string) => string = (line) => line,
): string[] {
  if (width < SIDE_BY_SIDE) return [label, ...wrapText(value, width - 2).map((line) => `  ${style(line)}`)];
  const lines = wrapText(value, width - labels);
  return lines.map((line, index) => `${padEnd(index === 0 ? label : '', labels)}${style(line)}`);
}
