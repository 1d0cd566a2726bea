/** Distributions of a report: from roll-ups of minutes, and from the histograms of the minutes that these do not have. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import type { Distribution } from '../report-model.ts';
import { minutesOf } from './roll-up.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/** Of a list in a query, which ClickHouse takes up to a quarter of a megabyte of. */
const MINUTES_AT_ONCE = 1_000;

/** What was measured in one phase, or a part of it. */
interface PhaseRow {
  phase: string;
  highest: number;
  /** Highest equivalent values in us, samples. */
  buckets: [values: number[], counts: number[]];
}

/** The whole run, and its steady phase where it has samples in it. @throws ResultsError */
export async function queryDistributions(
  store: StoreClient,
  runId: string,
  metric: TrendName,
): Promise<Distribution[]> {
  const where = 'run_id = {run:String} AND metric = {metric:String}';
  const rolledUp = await queryRows<PhaseRow & { missing: number[] }>(
    store,
    `SELECT phase, maxIf(highest, n >= there) AS highest, sumMapIf(buckets.1, buckets.2, n >= there) AS buckets,
       groupArrayIf(toUnixTimestamp(minute), n < there) AS missing
     FROM (${minutesOf(store, where)}) AS minutes GROUP BY phase`,
    { run: runId, metric },
  );
  const parts: PhaseRow[] = [...rolledUp];
  for (const { phase, missing } of rolledUp) {
    for (let at = 0; at < missing.length; at += MINUTES_AT_ONCE) {
      const minutes = missing.slice(at, at + MINUTES_AT_ONCE).join(', ');
      const [part] = await queryRows<PhaseRow>(
        store,
        `SELECT {phase:String} AS phase, max(highest) AS highest, (groupArray(value), groupArray(samples)) AS buckets
         FROM (SELECT value, sum(bucket) AS samples, max(max_us) AS highest
               FROM ${store.database}.histograms ARRAY JOIN bucket_values AS value, bucket_counts AS bucket
               WHERE ${where} AND phase = {phase:String} AND toUnixTimestamp(toStartOfMinute(at)) IN (${minutes})
               GROUP BY value)`,
        { run: runId, metric, phase },
      );
      parts.push(part!);
    }
  }
  return [
    distribution(
      metric,
      'steady',
      parts.filter(({ phase }) => phase === 'steady'),
    ),
    distribution(metric, 'all', parts),
  ].filter((each) => each.count > 0);
}

function distribution(metric: TrendName, phase: Distribution['phase'], parts: readonly PhaseRow[]): Distribution {
  const merged = new Map<number, number>();
  for (const { buckets } of parts) {
    const [values, counts] = buckets;
    for (const [at, value] of values.entries()) merged.set(value, (merged.get(value) ?? 0) + counts[at]!);
  }
  const occupied = [...merged].filter(([, count]) => count > 0).sort(([a], [b]) => a - b);
  return {
    metric,
    phase,
    count: occupied.reduce((sum, [, count]) => sum + count, 0),
    maxMs: Math.max(0, ...parts.map(({ highest }) => highest)) / 1000,
    values: occupied.map(([value]) => value / 1000),
    counts: occupied.map(([, count]) => count),
  };
}
