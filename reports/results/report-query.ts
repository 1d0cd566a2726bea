/** Gathers a ReportModel. All merging of histograms happens in SQL, metric by metric, so that memory stays small. */
import type { GaugeName, TrendName } from '../../loadgen/recorder/metrics.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import { buildHeatMap, HEAT_ROWS, HEAT_ROWS_PER_OCTAVE, heatStep } from '../heat-map.ts';
import type { Distribution, HeatMap, PercentilePoint, ReportModel } from '../report-model.ts';
import { SAMPLES_GONE, samplesGone } from '../samples-gone.ts';
import type { FoundRun } from './run-query.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/** Longer series are folded: a chart has fewer points than that, and a process less memory than a day of seconds takes. */
const POINTS_MAX = 3_600;
/** Kept by the second even then: it holds the empty state that memory per connection is measured from. */
const WHOLE_SECONDS = 60;
/** Of a second's merged histogram ClickHouse keeps up to a quarter of a megabyte, and of many seconds at once. */
const PIECE_SECONDS = 300;

/** When the samples of a run begin and end. */
interface Frame {
  runId: string;
  /** Start of the first second, ms since the epoch. */
  startMs: number;
  seconds: number;
  stepSeconds: number;
  /** Of which there are histograms, in the order of the alphabet. */
  metrics: TrendName[];
}

/** @throws ResultsError */
export async function queryReport(
  store: StoreClient,
  run: FoundRun,
  status: ReportModel['status'],
): Promise<ReportModel> {
  const frame = await queryFrame(store, run.runId);
  const model: ReportModel = {
    runId: run.runId,
    status,
    summary: run.summary === null ? null : (JSON.parse(run.summary) as RunSummary),
    scenarioText: run.scenarioText,
    command: run.command,
    percentiles: {},
    counters: await queryCounters(store, frame),
    gauges: await queryGauges(store, frame),
    distributions: [],
    heatMaps: [],
    stepSeconds: frame.stepSeconds,
  };
  for (const metric of frame.metrics) {
    const points = await queryPercentiles(store, frame, metric);
    if (points.length === 0) continue;
    model.percentiles[metric] = points;
    model.distributions.push(...(await queryDistributions(store, frame.runId, metric)));
    if (!metric.endsWith('_service')) model.heatMaps.push(await queryHeatMap(store, frame, metric));
  }
  if (samplesGone(model)) model.summary!.notes.push(SAMPLES_GONE);
  return model;
}

async function queryFrame(store: StoreClient, runId: string): Promise<Frame> {
  const extent = (table: string, metrics = '[]') =>
    `SELECT min(at) AS first, max(at) AS last, count() AS n, ${metrics} AS trends
     FROM ${store.database}.${table} WHERE run_id = {run:String}`;
  const tables = [extent('histograms', 'groupUniqArray(toString(metric))'), extent('counters'), extent('gauges')];
  const [row] = await queryRows<{ start_ms: number; seconds: number; metrics: TrendName[] }>(
    store,
    `SELECT toUnixTimestamp64Milli(toStartOfSecond(minIf(first, n > 0))) AS start_ms,
       intDiv(toUnixTimestamp64Milli(maxIf(last, n > 0)) - start_ms, 1000) + 1 AS seconds,
       arraySort(groupArrayArray(trends)) AS metrics
     FROM (${tables.join(' UNION ALL ')})`,
    { run: runId },
  );
  const { start_ms: startMs, seconds, metrics } = row!;
  return { runId, startMs, seconds, stepSeconds: Math.max(1, Math.ceil(seconds / POINTS_MAX)), metrics };
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
 * can pick the next bucket. A few minutes are read at a time, so that memory does not grow with the run's length; percentiles of
 * several seconds are never merged, the worst second stands for them.
 */
async function queryPercentiles(store: StoreClient, frame: Frame, metric: TrendName): Promise<PercentilePoint[]> {
  const { runId, startMs, seconds, stepSeconds } = frame;
  const points: PercentilePoint[] = [];
  // Whole points, which begin at multiples of their length.
  const pieceSeconds = stepSeconds * Math.max(1, Math.floor(PIECE_SECONDS / stepSeconds));
  for (let from = 0; from < seconds; from += pieceSeconds) {
    const [row] = await queryRows<{ points: PointRow[] }>(
      store,
      `SELECT arraySort(groupArray((at_ms, samples, highest, p50, p90, p99, p999))) AS points
       FROM (
         SELECT ${pointOf('second', frame)} AS at_ms, sum(n) AS samples, max(max) AS highest, max(levels[1]) AS p50,
           max(levels[2]) AS p90, max(levels[3]) AS p99, max(levels[4]) AS p999
         FROM (
           SELECT second, sum(count) AS n, max(max_us) AS max,
             quantilesExactWeightedArray(0.5, 0.9, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
           FROM ${store.database}.histograms
           WHERE run_id = {run:String} AND metric = {metric:String}
             AND at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64})
           GROUP BY toStartOfSecond(at) AS second
           HAVING n > 0)
         GROUP BY at_ms)`,
      { run: runId, metric, from: startMs + from * 1_000, to: startMs + (from + pieceSeconds) * 1_000 },
    );
    points.push(...row!.points.map(percentilePoint));
  }
  return points;
}

function percentilePoint([atMs, count, max, p50, p90, p99, p999]: PointRow): PercentilePoint {
  return { atMs, count, p50: toMs(p50), p90: toMs(p90), p99: toMs(p99), p999: toMs(p999), max: toMs(max) };
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

/**
 * Rows of the map as `heatRow` has them, by each bucket's highest value, which is at most 0.1% above its samples. A cell is a number
 * of 16 bits: ClickHouse then counts in a plain array, many times faster than in a hash table.
 */
async function queryHeatMap(store: StoreClient, frame: Frame, metric: TrendName): Promise<HeatMap> {
  const { runId, startMs, seconds } = frame;
  const stepSeconds = heatStep(seconds);
  const column = `intDiv(toUnixTimestamp64Milli(at) - ${startMs}, ${1000 * stepSeconds})`;
  const row = `floor(log2(value) * ${HEAT_ROWS_PER_OCTAVE})`;
  const [found] = await queryRows<{ cells: Array<[number, number]> }>(
    store,
    `SELECT groupArray((cell, samples)) AS cells
     FROM (SELECT toUInt16(${column} * ${HEAT_ROWS} + ${row}) AS cell, sum(bucket) AS samples
           FROM ${store.database}.histograms ARRAY JOIN bucket_values AS value, bucket_counts AS bucket
           WHERE run_id = {run:String} AND metric = {metric:String}
           GROUP BY cell)`,
    { run: runId, metric },
  );
  const cells = found!.cells.map(([cell, count]) => ({
    column: Math.floor(cell / HEAT_ROWS),
    row: cell % HEAT_ROWS,
    count,
  }));
  return buildHeatMap({ metric, startMs, stepSeconds }, cells);
}

/** The whole run, and its steady phase where it has samples in it. */
async function queryDistributions(store: StoreClient, runId: string, metric: TrendName): Promise<Distribution[]> {
  const parameters = { run: runId, metric };
  const rows = `${store.database}.histograms`;
  const where = 'WHERE run_id = {run:String} AND metric = {metric:String}';
  const [extremes] = await queryRows<{ all: number; steady: number }>(
    store,
    `SELECT max(max_us) AS \`all\`, maxIf(max_us, phase = 'steady') AS steady FROM ${rows} ${where}`,
    parameters,
  );
  const [found] = await queryRows<{ buckets: Bucket[] }>(
    store,
    `SELECT arraySort(groupArray((value, of_all, of_steady))) AS buckets
     FROM (SELECT value, sum(samples) AS of_all, sumIf(samples, phase = 'steady') AS of_steady
           FROM ${rows} ARRAY JOIN bucket_values AS value, bucket_counts AS samples ${where} GROUP BY value)`,
    parameters,
  );
  return [
    distribution(metric, 'steady', extremes!.steady, found!.buckets, 2),
    distribution(metric, 'all', extremes!.all, found!.buckets, 1),
  ].filter((each) => each.count > 0);
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
