/** When the samples of a run begin and end, and how coarsely a report shows them. */
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/** Longer series are folded: a chart has fewer points than that, and a process less memory than a day of seconds takes. */
const POINTS_MAX = 3_600;
/** Kept by the second even then: it holds the empty state that memory per connection is measured from. */
const WHOLE_SECONDS = 60;
export interface Frame {
  runId: string;
  /** Start of the first second, ms since the epoch. */
  startMs: number;
  seconds: number;
  stepSeconds: number;
  /** Of which there are histograms, in the order of the alphabet. */
  metrics: TrendName[];
}

/** Roll-ups outlive the samples that they were made of. @throws ResultsError */
export async function queryFrame(store: StoreClient, runId: string): Promise<Frame> {
  const extent = (table: string, metrics = '[]') =>
    `SELECT min(at) AS first, max(at) AS last, count() AS n, ${metrics} AS trends
     FROM ${store.database}.${table} WHERE run_id = {run:String}`;
  const trends = 'groupUniqArray(toString(metric))';
  const tables = [extent('histograms', trends), extent('seconds', trends), extent('counters'), extent('gauges')];
  const [row] = await queryRows<{ start_ms: number; seconds: number; metrics: TrendName[] }>(
    store,
    `SELECT toUnixTimestamp64Milli(toStartOfSecond(minIf(first, n > 0))) AS start_ms,
       intDiv(toUnixTimestamp64Milli(maxIf(last, n > 0)) - start_ms, 1000) + 1 AS seconds,
       arraySort(groupUniqArrayArray(trends)) AS metrics
     FROM (${tables.join(' UNION ALL ')})`,
    { run: runId },
  );
  const { start_ms: startMs, seconds, metrics } = row!;
  return { runId, startMs, seconds, stepSeconds: Math.max(1, Math.ceil(seconds / POINTS_MAX)), metrics };
}

/** SQL: the start, in ms since the epoch, of the point that a second (a DateTime64) belongs to. */
export function pointOf(second: string, { startMs, stepSeconds }: Frame): string {
  const atMs = `toUnixTimestamp64Milli(${second})`;
  if (stepSeconds === 1) return atMs;
  const offset = `intDiv(${atMs} - ${startMs}, 1000)`;
  const folded = `greatest(${WHOLE_SECONDS}, intDiv(${offset}, ${stepSeconds}) * ${stepSeconds})`;
  return `${startMs} + 1000 * if(${offset} < ${WHOLE_SECONDS}, ${offset}, ${folded})`;
}
