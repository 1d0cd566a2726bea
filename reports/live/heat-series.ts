/** Samples of one metric by time and row of its heat map, as a series whose steps can be joined. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { HistogramRow } from '../../loadgen/recorder/samples.ts';
import { buildHeatMap, type HeatCell, heatRow } from '../heat-map.ts';
import type { HeatMap } from '../report-model.ts';

export interface HeatPoint {
  atMs: number;
  /** Samples by `heatRow`. */
  rows: Map<number, number>;
}

/** By each bucket's highest value, as the results store does. */
export function heatPointOf({ atMs, values, counts }: HistogramRow): HeatPoint {
  const rows = new Map<number, number>();
  for (const [index, value] of values.entries()) addTo(rows, heatRow(value), counts[index]!);
  return { atMs, rows };
}

export function joinHeat(into: HeatPoint, other: HeatPoint): void {
  for (const [row, count] of other.rows) addTo(into.rows, row, count);
}

/** `points`: at least one, in the order of time. */
export function heatMapOf(metric: TrendName, points: readonly HeatPoint[], stepSeconds: number): HeatMap {
  const startMs = points[0]!.atMs;
  const cells = points.flatMap(({ atMs, rows }): HeatCell[] => {
    const column = Math.floor((atMs - startMs) / 1_000 / stepSeconds);
    return [...rows].map(([row, count]) => ({ column, row, count }));
  });
  return buildHeatMap({ metric, startMs, stepSeconds }, cells);
}

function addTo(rows: Map<number, number>, row: number, count: number): void {
  rows.set(row, (rows.get(row) ?? 0) + count);
}
