/** Percentiles of a report, point by point: from roll-ups, and from the histograms of the seconds that these do not have. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { PercentilePoint } from '../report-model.ts';
import { conditionsOf } from './missing-seconds.ts';
import { type Frame, pointOf } from './report-frame.ts';
import { secondsOf } from './roll-up.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/** Ms since the epoch, samples, then µs: maximum, p50, p90, p99, p99.9. */
type PointRow = [number, number, number, number, number, number, number];

/**
 * Percentiles of several seconds are never merged, the worst second stands for them. A second is taken either from its roll-up
 * or from its histograms, as one query has found it, though rows may be added meanwhile.
 * @throws ResultsError
 */
export async function queryPercentiles(
  store: StoreClient,
  frame: Frame,
  metric: TrendName,
): Promise<PercentilePoint[]> {
  const { points, missing } = await queryRolledUp(store, frame, metric);
  for (const condition of conditionsOf(missing)) points.push(...(await queryRaw(store, frame, metric, condition)));
  return fold(points).map(percentilePoint);
}

async function queryRolledUp(
  store: StoreClient,
  frame: Frame,
  metric: TrendName,
): Promise<{ points: PointRow[]; missing: number[] }> {
  const [row] = await queryRows<{ points: PointRow[]; missing: number[] }>(
    store,
    `WITH all_seconds AS (${secondsOf(store, 'run_id = {run:String} AND metric = {metric:String}')})
     SELECT groupArrayIf((at_ms, samples, highest, p50, p90, p99, p999), samples > 0) AS points,
       groupArrayArray(absent) AS missing
     FROM (
       SELECT ${pointOf('second', frame)} AS at_ms, sumIf(n, n >= there) AS samples,
         ${['highest', 'p50', 'p90', 'p99', 'p999'].map((name, at) => `maxIf(figures.${at + 1}, n >= there) AS ${name}`).join(', ')},
         groupArrayIf(toUnixTimestamp(second), n < there) AS absent
       FROM all_seconds GROUP BY at_ms)`,
    { run: frame.runId, metric },
  );
  return row!;
}

/**
 * The levels must be decimal literals: 99.9 / 100 computed in JavaScript is one unit in the last place too high, which
 * can pick the next bucket. A few minutes are read at a time, so that memory does not grow with the run's length.
 */
async function queryRaw(store: StoreClient, frame: Frame, metric: TrendName, condition: string): Promise<PointRow[]> {
  const [row] = await queryRows<{ points: PointRow[] }>(
    store,
    `SELECT groupArray((at_ms, samples, highest, p50, p90, p99, p999)) AS points
     FROM (
       SELECT ${pointOf('second', frame)} AS at_ms, sum(n) AS samples, max(max) AS highest, max(levels[1]) AS p50,
         max(levels[2]) AS p90, max(levels[3]) AS p99, max(levels[4]) AS p999
       FROM (
         SELECT second, sum(count) AS n, max(max_us) AS max,
           quantilesExactWeightedArray(0.5, 0.9, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
         FROM ${store.database}.histograms
         WHERE run_id = {run:String} AND metric = {metric:String} AND ${condition}
         GROUP BY toStartOfSecond(at) AS second
         HAVING n > 0)
       GROUP BY at_ms)`,
    { run: frame.runId, metric },
  );
  return row!.points;
}

/** Seconds of one point may have come by both ways. */
function fold(rows: readonly PointRow[]): PointRow[] {
  const points = new Map<number, PointRow>();
  for (const row of rows) {
    const other = points.get(row[0]);
    if (!other) points.set(row[0], row);
    else points.set(row[0], row.map((value, at) => folded(at, value, other[at]!)) as PointRow);
  }
  return [...points.values()].sort((a, b) => a[0] - b[0]);
}

function folded(column: number, one: number, other: number): number {
  return column === 1 ? one + other : Math.max(one, other);
}

function percentilePoint([atMs, count, max, p50, p90, p99, p999]: PointRow): PercentilePoint {
  const toMs = (us: number): number => us / 1000;
  return { atMs, count, p50: toMs(p50), p90: toMs(p90), p99: toMs(p99), p999: toMs(p999), max: toMs(max) };
}
