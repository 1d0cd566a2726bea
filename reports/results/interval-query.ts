/** Histograms of a run second by second. They are merged in SQL: what comes out does not grow with agents and streams. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { IntervalHistogram, IntervalOptions } from '../interval-histogram.ts';
import { queryRows, type StoreClient } from './store-client.ts';

interface IntervalRow {
  at_ms: number;
  who: string;
  n: number;
  sum: number;
  least: number;
  most: number;
  buckets: [values: number[], counts: number[]];
}

/** As LoadIntervals says. @throws ResultsError */
export async function queryIntervals(
  store: StoreClient,
  runId: string,
  metric: TrendName,
  { bySource = false }: IntervalOptions,
): Promise<IntervalHistogram[]> {
  const rows = await queryRows<IntervalRow>(
    store,
    `SELECT toUnixTimestamp64Milli(second) AS at_ms, ${bySource ? 'source' : `''`} AS who, sum(count) AS n,
       sum(sum_us) AS sum, minIf(min_us, count > 0) AS least, max(max_us) AS most,
       sumMap(bucket_values, bucket_counts) AS buckets
     FROM ${store.database}.histograms
     WHERE run_id = {run:String} AND metric = {metric:String}
     GROUP BY toStartOfSecond(at) AS second${bySource ? ', source' : ''}
     HAVING n > 0
     ORDER BY second, who`,
    { run: runId, metric },
  );
  return rows.map(({ at_ms, who, n, sum, least, most, buckets: [values, counts] }) => ({
    atMs: at_ms,
    source: who,
    count: n,
    sumUs: sum,
    minUs: least,
    maxUs: most,
    values,
    counts,
  }));
}
