/** Single seconds of a run. Histograms are merged in SQL: what comes out does not grow with agents and streams. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { IntervalHistogram, SourceSecond } from '../interval-histogram.ts';
import { queryRows, type StoreClient } from './store-client.ts';

interface IntervalRow {
  at_ms: number;
  n: number;
  sum: number;
  least: number;
  most: number;
  buckets: [values: number[], counts: number[]];
}

interface SourceRow {
  at_ms: number;
  who: string | null;
  n: number;
  sum: number;
  most: number;
  levels: number[];
}

/** As SecondLoader says. @throws ResultsError */
export async function queryIntervals(
  store: StoreClient,
  runId: string,
  metric: TrendName,
): Promise<IntervalHistogram[]> {
  const rows = await queryRows<IntervalRow>(
    store,
    `SELECT toUnixTimestamp64Milli(second) AS at_ms, sum(count) AS n, sum(sum_us) AS sum,
       minIf(min_us, count > 0) AS least, max(max_us) AS most, sumMap(bucket_values, bucket_counts) AS buckets
     FROM ${store.database}.histograms
     WHERE run_id = {run:String} AND metric = {metric:String}
     GROUP BY toStartOfSecond(at) AS second
     HAVING n > 0
     ORDER BY second`,
    { run: runId, metric },
  );
  return rows.map(({ at_ms, n, sum, least, most, buckets: [values, counts] }) => {
    return { atMs: at_ms, count: n, sumUs: sum, minUs: least, maxUs: most, values, counts };
  });
}

/** As SecondLoader says. The levels are decimal literals, as in report-query.ts. @throws ResultsError */
export async function querySources(store: StoreClient, runId: string, metric: TrendName): Promise<SourceSecond[]> {
  const query = (who: string): Promise<SourceRow[]> =>
    queryRows<SourceRow>(
      store,
      `SELECT toUnixTimestamp64Milli(second) AS at_ms, ${who} AS who, sum(count) AS n, sum(sum_us) AS sum,
         max(max_us) AS most, quantilesExactWeightedArray(0.5, 0.9, 0.95, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
       FROM ${store.database}.histograms
       WHERE run_id = {run:String} AND metric = {metric:String}
       GROUP BY toStartOfSecond(at) AS second, who
       HAVING n > 0
       ORDER BY second, who`,
      { run: runId, metric },
    );
  const all = await query('NULL');
  const sources = await query('source');
  let next = 0;
  return all.flatMap((row) => {
    const first = next;
    while (sources[next]?.at_ms === row.at_ms) next++;
    return [row, ...sources.slice(first, next)].map(sourceSecond);
  });
}

function sourceSecond({ at_ms, who, n, sum, most, levels }: SourceRow): SourceSecond {
  const [p50, p90, p95, p99, p999] = levels.map((us) => us / 1000) as [number, number, number, number, number];
  return { atMs: at_ms, source: who, count: n, mean: sum / n / 1000, p50, p90, p95, p99, p999, max: most / 1000 };
}
