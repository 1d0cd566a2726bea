/** Gathers a ReportModel. Six queries whatever the length of the run; all merging of histograms happens in SQL. */
import { type GaugeName, TRENDS, type TrendName } from '../../loadgen/recorder/metrics.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import { buildHeatMap, HEAT_ROWS_PER_OCTAVE, type HeatCell, heatStep } from '../heat-map.ts';
import type { Distribution, ReportModel } from '../report-model.ts';
import type { FoundRun } from './run-query.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/** Longer series are folded: a chart has fewer points than that, and a process less memory than a day of seconds takes. */
const POINTS_MAX = 3_600;
/** Kept by the second even then: it holds the empty state that memory per connection is measured from. */
const WHOLE_SECONDS = 60;

/** When the samples of a run begin and end. */
interface Frame {
  runId: string;
  /** Start of the first second, ms since the epoch. */
  startMs: number;
  seconds: number;
  stepSeconds: number;
}

/** @throws ResultsError */
export async function queryReport(
  store: StoreClient,
  run: FoundRun,
  status: ReportModel['status'],
): Promise<ReportModel> {
  const frame = await queryFrame(store, run.runId);
  return {
    runId: run.runId,
    status,
    summary: run.summary === null ? null : (JSON.parse(run.summary) as RunSummary),
    scenarioText: run.scenarioText,
    command: run.command,
    percentiles: await queryPercentiles(store, frame),
    counters: await queryCounters(store, frame),
    gauges: await queryGauges(store, frame),
    distributions: await queryDistributions(store, run.runId),
    heatMaps: await queryHeatMaps(store, frame),
    stepSeconds: frame.stepSeconds,
  };
}

async function queryFrame(store: StoreClient, runId: string): Promise<Frame> {
  const extent = (table: string) =>
    `SELECT min(at) AS first, max(at) AS last, count() AS n FROM ${store.database}.${table} WHERE run_id = {run:String}`;
  const [row] = await queryRows<{ start_ms: number; seconds: number }>(
    store,
    `SELECT toUnixTimestamp64Milli(toStartOfSecond(minIf(first, n > 0))) AS start_ms,
       intDiv(toUnixTimestamp64Milli(maxIf(last, n > 0)) - start_ms, 1000) + 1 AS seconds
     FROM (${['histograms', 'counters', 'gauges'].map(extent).join(' UNION ALL ')})`,
    { run: runId },
  );
  const { start_ms: startMs, seconds } = row!;
  return { runId, startMs, seconds, stepSeconds: Math.max(1, Math.ceil(seconds / POINTS_MAX)) };
}

/** SQL: the start, in ms since the epoch, of the point that a second (a DateTime64) belongs to. */
function pointOf(second: string, { startMs, stepSeconds }: Frame): string {
  const atMs = `toUnixTimestamp64Milli(${second})`;
  if (stepSeconds === 1) return atMs;
  const offset = `intDiv(${atMs} - ${startMs}, 1000)`;
  const folded = `greatest(${WHOLE_SECONDS}, intDiv(${offset}, ${stepSeconds}) * ${stepSeconds})`;
  return `${startMs} + 1000 * if(${offset} < ${WHOLE_SECONDS}, ${offset}, ${folded})`;
}

/**
 * The levels must be decimal literals: 99.9 / 100 computed in JavaScript is one unit in the last place too high, which
 * can pick the next bucket. Grouping by the second follows the order of the table, so memory does not grow with the
 * run's length; percentiles of several seconds are never merged, the worst second stands for them.
 */
async function queryPercentiles(store: StoreClient, frame: Frame): Promise<ReportModel['percentiles']> {
  const rows = await queryRows<{ metric: TrendName; points: PointRow[] }>(
    store,
    `SELECT metric, arraySort(groupArray((at_ms, samples, highest, p50, p90, p99, p999))) AS points
     FROM (
       SELECT metric, ${pointOf('second', frame)} AS at_ms, sum(n) AS samples, max(max) AS highest, max(levels[1]) AS p50,
         max(levels[2]) AS p90, max(levels[3]) AS p99, max(levels[4]) AS p999
       FROM (
         SELECT metric, second, sum(count) AS n, max(max_us) AS max,
           quantilesExactWeightedArray(0.5, 0.9, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
         FROM ${store.database}.histograms
         WHERE run_id = {run:String}
         GROUP BY metric, toStartOfSecond(at) AS second
         HAVING n > 0
         SETTINGS optimize_aggregation_in_order = 1)
       GROUP BY metric, at_ms)
     GROUP BY metric ORDER BY metric`,
    { run: frame.runId },
  );
  return Object.fromEntries(
    rows.map(({ metric, points }) => [
      metric,
      points.map(([atMs, count, max, p50, p90, p99, p999]) => ({
        atMs,
        count,
        p50: toMs(p50),
        p90: toMs(p90),
        p99: toMs(p99),
        p999: toMs(p999),
        max: toMs(max),
      })),
    ]),
  );
}

/** Ms since the epoch, samples, then µs: maximum, p50, p90, p99, p99.9. */
type PointRow = [number, number, number, number, number, number, number];

async function queryCounters(store: StoreClient, frame: Frame): Promise<ReportModel['counters']> {
  const rows = await queryRows<{ metric: string; points: Array<[number, number]> }>(
    store,
    `SELECT metric, arraySort(groupArray((at_ms, total))) AS points
     FROM (SELECT metric, ${pointOf('toStartOfSecond(at)', frame)} AS at_ms, sum(value) AS total
           FROM ${store.database}.counters WHERE run_id = {run:String} GROUP BY metric, at_ms)
     GROUP BY metric ORDER BY metric`,
    { run: frame.runId },
  );
  return Object.fromEntries(rows.map(({ metric, points }) => [metric, points.map(timed)]));
}

/** Of connections the fewest are the worst, of everything else the most. */
async function queryGauges(store: StoreClient, frame: Frame): Promise<ReportModel['gauges']> {
  const whole = frame.stepSeconds === 1;
  const points = whole
    ? `SELECT metric, source, toUnixTimestamp64Milli(at) AS at_ms, value
       FROM ${store.database}.gauges WHERE run_id = {run:String}`
    : `SELECT metric, source, ${pointOf('at', frame)} AS at_ms,
         if(metric = 'connections', min(${store.database}.gauges.value), max(${store.database}.gauges.value)) AS value
       FROM ${store.database}.gauges WHERE run_id = {run:String} GROUP BY metric, source, at_ms`;
  const rows = await queryRows<{ metric: GaugeName; source: string; points: Array<[number, number]> }>(
    store,
    `SELECT metric, source, arraySort(groupArray((at_ms, value))) AS points
     FROM (${points}) GROUP BY metric, source ORDER BY metric, source`,
    { run: frame.runId },
  );
  const gauges: ReportModel['gauges'] = {};
  for (const { metric, source, points } of rows) {
    gauges[metric] ??= {};
    gauges[metric][source] = points.map(timed);
  }
  return gauges;
}

function timed([atMs, value]: [number, number]): { atMs: number; value: number } {
  return { atMs, value };
}

/** Rows of the map as `heatRow` has them, by each bucket's highest value, which is at most 0.1% above its samples. */
async function queryHeatMaps(store: StoreClient, frame: Frame): Promise<ReportModel['heatMaps']> {
  const { runId, startMs, seconds } = frame;
  const stepSeconds = heatStep(seconds);
  const rows = await queryRows<{ metric: TrendName; cells: Array<[number, number, number]> }>(
    store,
    `SELECT metric, groupArray((\`column\`, \`row\`, samples)) AS cells
     FROM (SELECT metric, intDiv(toUnixTimestamp64Milli(at) - ${startMs}, ${1000 * stepSeconds}) AS \`column\`,
             toInt32(floor(log2(value) * ${HEAT_ROWS_PER_OCTAVE})) AS \`row\`, sum(bucket) AS samples
           FROM ${store.database}.histograms ARRAY JOIN bucket_values AS value, bucket_counts AS bucket
           WHERE run_id = {run:String} AND NOT endsWith(metric, '_service')
           GROUP BY metric, \`column\`, \`row\`)
     GROUP BY metric`,
    { run: runId },
  );
  return rows
    .sort((a, b) => TRENDS.indexOf(a.metric) - TRENDS.indexOf(b.metric))
    .map(({ metric, cells }) => buildHeatMap({ metric, startMs, stepSeconds }, cells.map(heatCell)));
}

function heatCell([column, row, count]: [number, number, number]): HeatCell {
  return { column, row, count };
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
