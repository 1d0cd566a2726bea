/** Gathers a ReportModel. Four queries whatever the length of the run; all merging of histograms happens in SQL. */
import type { GaugeName, TrendName } from '../../loadgen/recorder/metrics.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { Distribution, ReportModel } from '../report-model.ts';
import type { FoundRun } from './run-query.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/** @throws ResultsError */
export async function queryReport(
  store: StoreClient,
  run: FoundRun,
  status: ReportModel['status'],
): Promise<ReportModel> {
  return {
    runId: run.runId,
    status,
    summary: run.summary === null ? null : (JSON.parse(run.summary) as RunSummary),
    scenarioText: run.scenarioText,
    command: run.command,
    percentiles: await queryPercentiles(store, run.runId),
    counters: await queryCounters(store, run.runId),
    gauges: await queryGauges(store, run.runId),
    distributions: await queryDistributions(store, run.runId),
  };
}

/**
 * The levels must be decimal literals: 99.9 / 100 computed in JavaScript is one unit in the last place too high, which
 * can pick the next bucket. Grouping follows the order of the table, so memory does not grow with the run's length.
 */
async function queryPercentiles(store: StoreClient, runId: string): Promise<ReportModel['percentiles']> {
  const rows = await queryRows<{ metric: TrendName; at_ms: number; n: number; max: number; levels: number[] }>(
    store,
    `SELECT metric, toUnixTimestamp64Milli(second) AS at_ms, sum(count) AS n, max(max_us) AS max,
       quantilesExactWeightedArray(0.5, 0.9, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
     FROM ${store.database}.histograms
     WHERE run_id = {run:String}
     GROUP BY metric, toStartOfSecond(at) AS second
     HAVING n > 0
     ORDER BY metric, second
     SETTINGS optimize_aggregation_in_order = 1`,
    { run: runId },
  );
  const percentiles: ReportModel['percentiles'] = {};
  for (const { metric, at_ms, n, max, levels } of rows) {
    const [p50, p90, p99, p999] = levels.map(toMs) as [number, number, number, number];
    percentiles[metric] ??= [];
    percentiles[metric].push({ atMs: at_ms, count: n, p50, p90, p99, p999, max: toMs(max) });
  }
  return percentiles;
}

async function queryCounters(store: StoreClient, runId: string): Promise<ReportModel['counters']> {
  const rows = await queryRows<{ metric: string; at_ms: number; total: number }>(
    store,
    `SELECT metric, toUnixTimestamp64Milli(second) AS at_ms, sum(value) AS total
     FROM ${store.database}.counters WHERE run_id = {run:String}
     GROUP BY metric, toStartOfSecond(at) AS second ORDER BY metric, second`,
    { run: runId },
  );
  const counters: ReportModel['counters'] = {};
  for (const { metric, at_ms, total } of rows) {
    counters[metric] ??= [];
    counters[metric].push({ atMs: at_ms, value: total });
  }
  return counters;
}

async function queryGauges(store: StoreClient, runId: string): Promise<ReportModel['gauges']> {
  const rows = await queryRows<{ metric: GaugeName; source: string; at_ms: number; value: number }>(
    store,
    `SELECT metric, source, toUnixTimestamp64Milli(at) AS at_ms, value
     FROM ${store.database}.gauges WHERE run_id = {run:String}
     ORDER BY metric, source, at`,
    { run: runId },
  );
  const gauges: ReportModel['gauges'] = {};
  for (const { metric, source, at_ms, value } of rows) {
    gauges[metric] ??= {};
    gauges[metric][source] ??= [];
    gauges[metric][source].push({ atMs: at_ms, value });
  }
  return gauges;
}

/** For every metric the whole run, and its steady phase where it has samples in it. */
async function queryDistributions(store: StoreClient, runId: string): Promise<Distribution[]> {
  const rows = await queryRows<DistributionRow>(
    store,
    `SELECT metric, extremes.all_max AS all_max, extremes.steady_max AS steady_max, buckets.buckets AS buckets
     FROM (SELECT metric, max(max_us) AS all_max, maxIf(max_us, phase = 'steady') AS steady_max
           FROM ${store.database}.histograms WHERE run_id = {run:String} GROUP BY metric) AS extremes
     INNER JOIN (
       SELECT metric, arraySort(groupArray((value, of_all, of_steady))) AS buckets
       FROM (SELECT metric, value, sum(samples) AS of_all, sumIf(samples, phase = 'steady') AS of_steady
             FROM ${store.database}.histograms ARRAY JOIN bucket_values AS value, bucket_counts AS samples
             WHERE run_id = {run:String} GROUP BY metric, value)
       GROUP BY metric) AS buckets USING (metric)
     ORDER BY metric`,
    { run: runId },
  );
  return rows
    .flatMap((row) => [
      distribution(row.metric, 'steady', row.steady_max, row.buckets, 2),
      distribution(row.metric, 'all', row.all_max, row.buckets, 1),
    ])
    .filter((each) => each.count > 0);
}

interface DistributionRow {
  metric: TrendName;
  all_max: number;
  steady_max: number;
  buckets: Bucket[];
}

/** Highest equivalent value in us, samples in the whole run, samples in its steady phase. */
type Bucket = [value: number, all: number, steady: number];

function distribution(
  metric: TrendName,
  phase: Distribution['phase'],
  maxUs: number,
  buckets: Bucket[],
  column: 1 | 2,
): Distribution {
  const occupied = buckets.filter((bucket) => bucket[column] > 0);
  return {
    metric,
    phase,
    count: occupied.reduce((sum, bucket) => sum + bucket[column], 0),
    maxMs: toMs(maxUs),
    values: occupied.map((bucket) => toMs(bucket[0])),
    counts: occupied.map((bucket) => bucket[column]),
  };
}

function toMs(us: number): number {
  return us / 1000;
}
