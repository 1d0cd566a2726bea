/**
 * Roll-ups of histograms: their seconds and minutes over all agents and streams, computed once by the same SQL that would
 * compute them from the histograms. They need not be there and may be out of date: a row of them has counted so many
 * samples, and the histograms tell how many there are.
 */
import { HEAT_ROWS_PER_OCTAVE } from '../heat-map.ts';
import { clickhouseTime, queryRows, runCommand, type StoreClient } from './store-client.ts';

const MINUTE_MS = 60_000;

/** From the start of a minute to the start of another, ms since the epoch; null: all of the run. */
export type RollUpSpan = { fromMs: number; toMs: number } | null;

/** SQL: the row of a heat map, as `heatRow` has it, of a latency in us. */
export function heatRowOf(value: string): string {
  return `floor(log2(greatest(${value}, 1)) * ${HEAT_ROWS_PER_OCTAVE})`;
}

/**
 * SQL: the seconds of a run's metrics, each with what is rolled up of it: `metric`, `second`, `n` samples rolled up, of `there`
 * that the histograms have, `figures` (max, p50, p90, p99, p99.9 in us), `heat` (rows, counts). Where `n >= there` it is all of
 * them, and more when the histograms are past their retention. `where`: on the columns that both tables have.
 */
export function secondsOf({ database }: StoreClient, where: string): string {
  return `SELECT metric, second, max(rolled) AS n, sum(raw) AS there,
      argMax((max_us, p50_us, p90_us, p99_us, p999_us), rolled) AS figures, argMax((heat_rows, heat_counts), rolled) AS heat
    FROM (
      SELECT metric, at AS second, count AS rolled, 0 AS raw, max_us, p50_us, p90_us, p99_us, p999_us, heat_rows, heat_counts
      FROM ${database}.seconds WHERE ${where}
      UNION ALL
      SELECT metric, toStartOfSecond(at) AS second, 0, sum(count), 0, 0, 0, 0, 0, [], []
      FROM ${database}.histograms WHERE ${where} GROUP BY metric, second)
    GROUP BY metric, second HAVING n > 0 OR there > 0`;
}

/** SQL: as `secondsOf`, of the minutes of each phase: `highest` (max in us) and `buckets` (values, counts) instead of figures. */
export function minutesOf({ database }: StoreClient, where: string): string {
  return `SELECT metric, phase, minute, max(rolled) AS n, sum(raw) AS there,
      argMax(max_us, rolled) AS highest, argMax((bucket_values, bucket_counts), rolled) AS buckets
    FROM (
      SELECT metric, phase, at AS minute, count AS rolled, 0 AS raw, max_us, bucket_values, bucket_counts
      FROM ${database}.minutes WHERE ${where}
      UNION ALL
      SELECT metric, phase, ${startOfMinute('at')} AS minute, 0, sum(count), 0, [], []
      FROM ${database}.histograms WHERE ${where} GROUP BY metric, phase, minute)
    GROUP BY metric, phase, minute HAVING n > 0 OR there > 0`;
}

/** Of the type of the column that it goes into. */
function startOfMinute(at: string): string {
  return `toDateTime64(toStartOfMinute(${at}), 3, 'UTC')`;
}

/**
 * Rolls up what is not yet, a metric's minute at a time, so that a connection with others in its queue is never taken for long.
 * @param isOver asked before each: true ends it early
 * @throws ResultsError
 */
export async function rollUp(
  store: StoreClient,
  runId: string,
  span: RollUpSpan,
  isOver: () => boolean,
): Promise<void> {
  for (const { metric, phase, minuteMs } of await findStale(store, runId, span)) {
    if (isOver()) return;
    const where = `run_id = {run:String} AND metric = {metric:String} AND ${within({ fromMs: minuteMs, toMs: minuteMs + MINUTE_MS })}`;
    if (phase === null) await runCommand(store, rollUpSeconds(store, where), { run: runId, metric });
    else await runCommand(store, rollUpMinute(store, where, minuteMs), { run: runId, metric, phase });
  }
}

interface Stale {
  metric: string;
  /** Null: seconds of the minute, of whatever phase. */
  phase: string | null;
  minuteMs: number;
}

function findStale(store: StoreClient, runId: string, span: RollUpSpan): Promise<Stale[]> {
  const where = `run_id = {run:String}${span === null ? '' : ` AND ${within(span)}`}`;
  const minute = (at: string): string =>
    `intDiv(toUnixTimestamp64Milli(${at}), ${MINUTE_MS}) * ${MINUTE_MS} AS minuteMs`;
  return queryRows<Stale>(
    store,
    `SELECT DISTINCT metric, NULL AS phase, ${minute('second')} FROM (${secondsOf(store, where)}) WHERE n < there
     UNION ALL
     SELECT metric, toString(phase) AS phase, ${minute('minute')} FROM (${minutesOf(store, where)}) WHERE n < there`,
    { run: runId },
  );
}

function within({ fromMs, toMs }: { fromMs: number; toMs: number }): string {
  const time = (ms: number): string => `toDateTime64('${clickhouseTime(ms)}', 3, 'UTC')`;
  return `at >= ${time(fromMs)} AND at < ${time(toMs)}`;
}

/** One thread is enough for what nobody waits for. */
const SETTINGS = 'SETTINGS max_threads = 1, max_insert_threads = 1';

/** The levels must be decimal literals (report-latencies.ts). All of a row is of one reading: samples may come meanwhile. */
function rollUpSeconds({ database }: StoreClient, where: string): string {
  return `INSERT INTO ${database}.seconds
      (run_id, metric, at, count, sum_us, max_us, p50_us, p90_us, p99_us, p999_us, heat_rows, heat_counts)
    SELECT {run:String}, {metric:String}, second, n, total, highest, levels[1], levels[2], levels[3], levels[4], heat.1, heat.2
    FROM (
      SELECT second, sum(count) AS n, sum(sum_us) AS total, max(max_us) AS highest,
        quantilesExactWeightedArray(0.5, 0.9, 0.99, 0.999)(bucket_values, bucket_counts) AS levels,
        sumMap(arrayMap(value -> toUInt8(${heatRowOf('value')}), bucket_values), bucket_counts) AS heat
      FROM ${database}.histograms WHERE ${where} GROUP BY toStartOfSecond(at) AS second HAVING n > 0)
    ${SETTINGS}`;
}

function rollUpMinute({ database }: StoreClient, where: string, minuteMs: number): string {
  return `INSERT INTO ${database}.minutes (run_id, metric, at, phase, count, max_us, bucket_values, bucket_counts)
    SELECT {run:String}, {metric:String}, toDateTime64('${clickhouseTime(minuteMs)}', 3, 'UTC'), {phase:String}, n, highest,
      buckets.1, buckets.2
    FROM (
      SELECT sum(samples) AS n, max(most) AS highest, arraySort(groupArray((value, samples))) AS buckets
      FROM (
        SELECT value, sum(bucket) AS samples, max(max_us) AS most
        FROM ${database}.histograms ARRAY JOIN bucket_values AS value, bucket_counts AS bucket
        WHERE ${where} AND phase = {phase:String} GROUP BY value)
      HAVING n > 0)
    ${SETTINGS}`;
}
