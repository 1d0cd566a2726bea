/** Single seconds of a run. Histograms are merged in SQL: what comes out does not grow with agents and streams. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { IntervalHistogram, SourceSecond, TimeWindow } from '../interval-histogram.ts';
import { RowBinaryReader } from './row-binary.ts';
import { queryBinary, queryRows, type StoreClient, toResultsError } from './store-client.ts';

interface SourceRow {
  at_ms: number;
  who: string | null;
  n: number;
  sum: number;
  most: number;
  levels: number[];
}

/** Rows of one metric of a run, within a time. */
const WHERE = `WHERE run_id = {run:String} AND metric = {metric:String}
  AND at >= fromUnixTimestamp64Milli({fromMs:Int64}) AND at < fromUnixTimestamp64Milli({toMs:Int64})`;

/**
 * As SecondLoader says. To add up bucket by bucket takes half as long as sumMap; no value or count of a second comes near 2^32.
 * @throws ResultsError
 */
export async function queryIntervals(
  store: StoreClient,
  runId: string,
  metric: TrendName,
  window: TimeWindow,
): Promise<IntervalHistogram[]> {
  const rows = `${store.database}.histograms`;
  const bytes = await queryBinary(
    store,
    `SELECT toUInt64(toUnixTimestamp64Milli(second)), toUInt64(n), toUInt64(sum), toUInt64(least), toUInt64(most), bucket_values, bucket_counts
     FROM (SELECT toStartOfSecond(at) AS second, sum(count) AS n, sum(sum_us) AS sum, minIf(min_us, count > 0) AS least,
             max(max_us) AS most
           FROM ${rows} ${WHERE} GROUP BY second HAVING n > 0) AS totals
     JOIN (SELECT second, groupArray(value) AS bucket_values, groupArray(toUInt32(samples)) AS bucket_counts
           FROM (SELECT toStartOfSecond(at) AS second, toUInt32(bucket) AS value, sum(bucket_count) AS samples
                 FROM ${rows} ARRAY JOIN bucket_values AS bucket, bucket_counts AS bucket_count
                 ${WHERE} GROUP BY second, value)
           GROUP BY second) AS buckets USING (second)
     ORDER BY second`,
    { run: runId, metric, ...window },
  );
  try {
    return readIntervals(new RowBinaryReader(bytes));
  } catch (error) {
    throw toResultsError(error, store.place);
  }
}

function readIntervals(reader: RowBinaryReader): IntervalHistogram[] {
  const intervals: IntervalHistogram[] = [];
  while (!reader.done) {
    const [atMs, count, sumUs] = [reader.uint64(), reader.uint64(), reader.uint64()];
    const [minUs, maxUs] = [reader.uint64(), reader.uint64()];
    intervals.push({ atMs, count, sumUs, minUs, maxUs, values: reader.uint32s(), counts: reader.uint32s() });
  }
  return intervals;
}

/** As SecondLoader says. The levels are decimal literals, as in report-query.ts. @throws ResultsError */
export async function querySources(
  store: StoreClient,
  runId: string,
  metric: TrendName,
  window: TimeWindow,
): Promise<SourceSecond[]> {
  const query = (from: StoreClient, who: string): Promise<SourceRow[]> =>
    queryRows<SourceRow>(
      from,
      `SELECT toUnixTimestamp64Milli(second) AS at_ms, ${who} AS who, sum(count) AS n, sum(sum_us) AS sum,
         max(max_us) AS most, quantilesExactWeightedArray(0.5, 0.9, 0.95, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
       FROM ${store.database}.histograms ${WHERE}
       GROUP BY toStartOfSecond(at) AS second, who
       HAVING n > 0
       ORDER BY second, who`,
      { run: runId, metric, ...window },
    );
  // A query of a few minutes keeps one core busy, and an embedded connection answers one at a time.
  const second = { ...store, client: store.openReader() };
  try {
    const [all, sources] = await Promise.all([query(store, 'NULL'), query(second, 'source')]);
    let next = 0;
    return all.flatMap((row) => {
      const first = next;
      while (sources[next]?.at_ms === row.at_ms) next++;
      return [row, ...sources.slice(first, next)].map(sourceSecond);
    });
  } finally {
    await second.client.close();
  }
}

function sourceSecond({ at_ms, who, n, sum, most, levels }: SourceRow): SourceSecond {
  const [p50, p90, p95, p99, p999] = levels.map((us) => us / 1000) as [number, number, number, number, number];
  return { atMs: at_ms, source: who, count: n, mean: sum / n / 1000, p50, p90, p95, p99, p999, max: most / 1000 };
}
