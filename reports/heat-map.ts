/** Latency by time: samples sorted into steps of time and logarithmic rows, so few of both that a page can carry and draw them. */
import type { HeatMap } from './report-model.ts';

/** Rows are first counted this finely: each spans a factor of 2^(1/4), 19%. */
export const HEAT_ROWS_PER_OCTAVE = 4;
/** As many rows as latencies of up to an hour can fall into, and as many columns as make 65,536 cells with them. */
export const HEAT_ROWS = 128;
export const HEAT_COLUMNS = 512;

export interface HeatLimits {
  columns: number;
  rows: number;
  /** From the lowest to the highest occupied row, added up over the columns. */
  cells: number;
}

const LIMITS: HeatLimits = { columns: HEAT_COLUMNS, rows: 60, cells: 15_000 };

/** What belongs together: `column` counts steps from the start, `row` as `heatRow` has it. */
export interface HeatCell {
  column: number;
  row: number;
  count: number;
}

/** The row that a latency in µs, at least 1, falls into. */
export function heatRow(us: number): number {
  return Math.floor(Math.log2(Math.max(us, 1)) * HEAT_ROWS_PER_OCTAVE);
}

/** Whole seconds of a step, so that a run of `seconds` has not too many of them. */
export function heatStep(seconds: number, limits: HeatLimits = LIMITS): number {
  return Math.max(1, Math.ceil(seconds / limits.columns));
}

/** Neighbouring rows, and then columns, are joined until the limits hold. Cells may come in any order, and several times. */
export function buildHeatMap(
  place: Pick<HeatMap, 'metric' | 'startMs' | 'stepSeconds'>,
  cells: readonly HeatCell[],
  limits: HeatLimits = LIMITS,
): HeatMap {
  const { low, high } = extent(cells);
  let perRow = 1;
  while (Math.floor(high / perRow) - Math.floor(low / perRow) + 1 > limits.rows) perRow *= 2;
  for (let perColumn = 1; ; perColumn *= 2) {
    const columns = joinCells(cells, perColumn, perRow);
    const size = columns.reduce((sum, { counts }) => sum + counts.length, 0);
    if (columns.length > 1 && (columns.length > limits.columns || size > limits.cells)) continue;
    const stepSeconds = place.stepSeconds * perColumn;
    return { ...place, stepSeconds, rowsPerOctave: HEAT_ROWS_PER_OCTAVE / perRow, columns };
  }
}

function extent(cells: readonly HeatCell[]): { low: number; high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const { row } of cells) {
    low = Math.min(low, row);
    high = Math.max(high, row);
  }
  return cells.length === 0 ? { low: 0, high: 0 } : { low, high };
}

/** In one flat array: a run has hundreds of thousands of cells, and a live page joins them again and again. */
function joinCells(cells: readonly HeatCell[], perColumn: number, perRow: number): HeatMap['columns'] {
  const { low, high } = extent(cells);
  const lowest = Math.floor(low / perRow);
  const rows = Math.floor(high / perRow) - lowest + 1;
  const columns = cells.reduce((most, { column }) => Math.max(most, Math.floor(column / perColumn) + 1), 0);
  const grid = new Float64Array(columns * rows);
  for (const { column, row, count } of cells)
    grid[Math.floor(column / perColumn) * rows + Math.floor(row / perRow) - lowest]! += count;
  return Array.from({ length: columns }, (_, at) => columnOf(grid.subarray(at * rows, (at + 1) * rows), lowest));
}

function columnOf(counts: Float64Array, lowest: number): HeatMap['columns'][number] {
  const first = counts.findIndex((count) => count > 0);
  if (first < 0) return { row: 0, counts: [] };
  const last = counts.findLastIndex((count) => count > 0);
  return { row: lowest + first, counts: [...counts.subarray(first, last + 1)] };
}
