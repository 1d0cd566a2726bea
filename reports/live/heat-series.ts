/** Samples of one metric by time and row of its heat map, as a series whose steps can be joined. */
import type { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import { HIGHEST_US } from '../../loadgen/recorder/histogram.ts';
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import { buildHeatMap, type HeatCell, heatRow } from '../heat-map.ts';
import type { HeatMap } from '../report-model.ts';

export interface HeatPoint {
  atMs: number;
  /** Samples by `heatRow`. */
  rows: Uint32Array;
}

/** The highest value of the highest bucket lies a little above the highest value. */
const ROWS = heatRow(HIGHEST_US) + 2;

/** By each bucket's highest value, as the results store does. */
export function heatPointOf(atMs: number, merged: MergedHistogram): HeatPoint {
  const { values, counts } = merged.buckets();
  const rows = new Uint32Array(ROWS);
  for (let i = 0; i < values.length; i++) rows[heatRow(values[i]!)]! += counts[i]!;
  return { atMs, rows };
}

export function joinHeat(into: HeatPoint, other: HeatPoint): void {
  for (let row = 0; row < ROWS; row++) into.rows[row]! += other.rows[row]!;
}

/** `points`: at least one, in the order of time. */
export function heatMapOf(metric: TrendName, points: readonly HeatPoint[], stepSeconds: number): HeatMap {
  const startMs = points[0]!.atMs;
  const cells: HeatCell[] = [];
  for (const { atMs, rows } of points) {
    const column = Math.floor((atMs - startMs) / 1_000 / stepSeconds);
    for (let row = 0; row < ROWS; row++) {
      if (rows[row]! > 0) cells.push({ column, row, count: rows[row]! });
    }
  }
  return buildHeatMap({ metric, startMs, stepSeconds }, cells);
}
