/** A report's heat map: from roll-ups, and from the histograms of the seconds that these do not have. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import { buildHeatMap, HEAT_ROWS, type HeatCell, heatStep } from '../heat-map.ts';
import type { HeatMap } from '../report-model.ts';
import { conditionsOf } from './missing-seconds.ts';
import type { Frame } from './report-frame.ts';
import { heatRowOf, secondsOf } from './roll-up.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/** Rows are as `heatRow` has them, by each bucket's highest value, which is at most 0.1% above its samples. @throws ResultsError */
export async function queryHeatMap(store: StoreClient, frame: Frame, metric: TrendName): Promise<HeatMap> {
  const stepSeconds = heatStep(frame.seconds);
  const columnOf = (at: string): string =>
    `intDiv(toUnixTimestamp64Milli(${at}) - ${frame.startMs}, ${1000 * stepSeconds})`;
  const parameters = { run: frame.runId, metric };
  const where = 'run_id = {run:String} AND metric = {metric:String}';
  const columns = await queryRows<{ column: number; heat: [rows: number[], counts: number[]]; missing: number[] }>(
    store,
    `SELECT ${columnOf('second')} AS column, sumMapIf(heat.1, heat.2, n >= there) AS heat,
       groupArrayIf(toUnixTimestamp(second), n < there) AS missing
     FROM (${secondsOf(store, where)}) AS seconds GROUP BY column`,
    parameters,
  );
  const cells: HeatCell[] = columns.flatMap(({ column, heat: [rows, counts] }) =>
    rows.map((row, at) => ({ column, row, count: counts[at]! })),
  );
  for (const condition of conditionsOf(columns.flatMap(({ missing }) => missing))) {
    // A cell is a number of 16 bits: ClickHouse then counts in a plain array, many times faster than in a hash table.
    const [found] = await queryRows<{ cells: Array<[number, number]> }>(
      store,
      `SELECT groupArray((cell, samples)) AS cells
       FROM (SELECT toUInt16(${columnOf('at')} * ${HEAT_ROWS} + ${heatRowOf('value')}) AS cell, sum(bucket) AS samples
             FROM ${store.database}.histograms ARRAY JOIN bucket_values AS value, bucket_counts AS bucket
             WHERE ${where} AND ${condition} GROUP BY cell)`,
      parameters,
    );
    for (const [cell, count] of found!.cells)
      cells.push({ column: Math.floor(cell / HEAT_ROWS), row: cell % HEAT_ROWS, count });
  }
  return buildHeatMap({ metric, startMs: frame.startMs, stepSeconds }, cells);
}
