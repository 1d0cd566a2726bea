/** A measured figure with its target, and how the table of figures is printed. Pure. */

export interface Spread {
  median: number;
  min: number;
  max: number;
}

/** The bound that a figure has to keep; `null` where a figure is shown, not judged. */
export type Target = { atLeast: number } | { atMost: number } | null;

export interface Figure {
  name: string;
  /** Printed after every value: '', '/s', 'ms', … */
  unit: string;
  target: Target;
  measured: Spread;
}

/** Of at least one value. The median of an even number of values is the mean of the two in the middle. */
export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new RangeError('a spread needs at least one value');
  const sorted = [...values].sort((a, b) => a - b);
  const high = sorted.length >> 1;
  const low = (sorted.length - 1) >> 1;
  return { median: (sorted[low]! + sorted[high]!) / 2, min: sorted[0]!, max: sorted.at(-1)! };
}

/** Value by value: rounds that ran one after the other are compared with each other, so that a slow minute hits both. */
export function ratiosOf(values: readonly number[], references: readonly number[]): Spread {
  if (values.length !== references.length) throw new RangeError('ratios need as many values as references');
  return spreadOf(values.map((value, round) => value / references[round]!));
}

/** Whether the median keeps the target; null without a target. */
export function isMet({ target, measured }: Figure): boolean | null {
  if (target === null) return null;
  return 'atLeast' in target ? measured.median >= target.atLeast : measured.median <= target.atMost;
}

/** One line a figure, in columns. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = [['figure', 'target', 'measured', '(min–max)', '']];
  for (const figure of figures) {
    const { target, measured, unit } = figure;
    const bound =
      target === null ? '–' : 'atLeast' in target ? `≥ ${number(target.atLeast)}` : `≤ ${number(target.atMost)}`;
    const met = isMet(figure);
    rows.push([
      figure.name,
      target === null ? bound : `${bound}${unit}`,
      `${number(measured.median)}${unit}`,
      measured.min === measured.max ? '' : `(${number(measured.min)}–${number(measured.max)})`,
      met === null ? '' : met ? 'met' : 'MISSED',
    ]);
  }
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Three digits that matter, thousands with commas. */
function number(value: number): string {
  if (Math.abs(value) >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-US');
  return value.toPrecision(3);
}
