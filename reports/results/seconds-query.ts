/** Gathers the steady phase of a run second by second. One query for each metric: a row is a second, all agents merged in SQL. */
import { type CounterName, type GaugeName, TRENDS, type TrendName } from '../../loadgen/recorder/metrics.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { RunSeconds, TrendSeconds } from '../run-seconds.ts';
import type { FoundRun } from './run-query.ts';
import { queryRows, type StoreClient } from './store-client.ts';

const GAUGES_OF_PROCESSES: readonly GaugeName[] = ['server_cpu', 'agent_cpu'];

/** `metrics`: the latencies that are wanted; those without a sample are left out of the answer. @throws ResultsError */
export async function querySeconds(
  store: StoreClient,
  run: FoundRun,
  status: RunSeconds['status'],
  metrics: readonly TrendName[],
): Promise<RunSeconds> {
  const { runId, scenarioText } = run;
  const summary = run.summary === null ? null : (JSON.parse(run.summary) as RunSummary);
  const identity = await queryIdentity(store, runId);
  const span = await querySpan(store, runId);
  const trends: RunSeconds['trends'] = {};
  for (const metric of TRENDS.filter((name) => metrics.includes(name))) {
    const rows = await queryTrend(store, runId, metric);
    if (rows.length > 0) trends[metric] = trendSeconds(rows, metric === 'connect_latency' ? null : span);
  }
  return {
    runId,
    ...identity,
    scenarioText,
    status,
    summary,
    ...span,
    whole: wholeSeconds(span, summary),
    trends,
    counters: await queryCounters(store, runId, span),
    gauges: await queryGauges(store, runId, span),
  };
}

interface Span {
  startMs: number;
  seconds: number;
}

type Identity = Pick<RunSeconds, 'name' | 'tags' | 'startedAtMs' | 'scenario' | 'seed' | 'environment'>;

async function queryIdentity(store: StoreClient, runId: string): Promise<Identity> {
  const [row] = await queryRows<{
    name: string;
    tags: Record<string, string>;
    started_at_ms: number;
    scenario: string;
    seed: number;
    environment: string;
  }>(
    store,
    `SELECT name, tags, toUnixTimestamp64Milli(started_at) AS started_at_ms, scenario, seed, environment
     FROM ${store.database}.runs WHERE run_id = {run:String} LIMIT 1`,
    { run: runId },
  );
  const { started_at_ms, environment, ...rest } = row!;
  return { ...rest, startedAtMs: started_at_ms, environment: JSON.parse(environment) };
}

/** From the rows, not from the summary: a run cut short has none. */
async function querySpan(store: StoreClient, runId: string): Promise<Span> {
  const of = (table: string) =>
    `SELECT toUnixTimestamp64Milli(min(at)) AS first, toUnixTimestamp64Milli(max(at)) AS last, count() AS n
     FROM ${store.database}.${table} WHERE run_id = {run:String} AND phase = 'steady'`;
  const rows = (
    await queryRows<{ first: number; last: number; n: number }>(
      store,
      `${of('histograms')} UNION ALL ${of('counters')}`,
      {
        run: runId,
      },
    )
  ).filter(({ n }) => n > 0);
  if (rows.length === 0) return { startMs: 0, seconds: 0 };
  const startMs = floorSecond(Math.min(...rows.map(({ first }) => first)));
  return { startMs, seconds: (floorSecond(Math.max(...rows.map(({ last }) => last))) - startMs) / 1000 + 1 };
}

interface TrendRow {
  at_ms: number;
  max: number;
  merged: [values: number[], counts: number[]];
}

function queryTrend(store: StoreClient, runId: string, metric: TrendName): Promise<TrendRow[]> {
  const phase = metric === 'connect_latency' ? '' : `AND phase = 'steady'`;
  return queryRows<TrendRow>(
    store,
    `SELECT toUnixTimestamp64Milli(second) AS at_ms, max(max_us) AS max, sumMap(bucket_values, bucket_counts) AS merged
     FROM ${store.database}.histograms
     WHERE run_id = {run:String} AND metric = {metric:String} AND count > 0 ${phase}
     GROUP BY toStartOfSecond(at) AS second
     ORDER BY second`,
    { run: runId, metric },
  );
}

/** Seconds without a row become empty ones. `span` null: those of the rows. */
function trendSeconds(rows: TrendRow[], span: Span | null): TrendSeconds {
  const startMs = span?.startMs ?? rows[0]!.at_ms;
  const seconds = span?.seconds ?? (rows.at(-1)!.at_ms - startMs) / 1000 + 1;
  const size = rows.reduce((sum, { merged }) => sum + merged[0].length, 0);
  const starts = new Uint32Array(seconds + 1);
  const values = new Uint32Array(size);
  const counts = new Float64Array(size);
  let at = 0;
  let second = 0;
  for (const { at_ms, merged } of rows) {
    const own = (at_ms - startMs) / 1000;
    for (; second <= own; second++) starts[second] = at;
    values.set(merged[0], at);
    counts.set(merged[1], at);
    at += merged[0].length;
  }
  for (; second <= seconds; second++) starts[second] = at;
  return { startMs, starts, values, counts, maxUs: Math.max(...rows.map(({ max }) => max)) };
}

async function queryCounters(store: StoreClient, runId: string, span: Span): Promise<RunSeconds['counters']> {
  const rows = await queryRows<{ metric: CounterName; at_ms: number; total: number }>(
    store,
    `SELECT metric, toUnixTimestamp64Milli(second) AS at_ms, sum(value) AS total
     FROM ${store.database}.counters WHERE run_id = {run:String} AND phase = 'steady'
     GROUP BY metric, toStartOfSecond(at) AS second ORDER BY metric, second`,
    { run: runId },
  );
  const counters: RunSeconds['counters'] = {};
  for (const { metric, at_ms, total } of rows) {
    counters[metric] ??= new Float64Array(span.seconds);
    counters[metric][(at_ms - span.startMs) / 1000]! += total;
  }
  return counters;
}

/** Rows of gauges carry no phase: those of the span. */
async function queryGauges(store: StoreClient, runId: string, span: Span): Promise<RunSeconds['gauges']> {
  const rows = await queryRows<{ metric: GaugeName; at_ms: number; total: number }>(
    store,
    `SELECT metric, toUnixTimestamp64Milli(second) AS at_ms, sum(level) AS total
     FROM (SELECT metric, toStartOfSecond(at) AS second, source, avg(value) AS level FROM ${store.database}.gauges
           WHERE run_id = {run:String} AND metric IN (${GAUGES_OF_PROCESSES.map((name) => `'${name}'`).join(', ')})
           GROUP BY metric, second, source)
     GROUP BY metric, second ORDER BY metric, second`,
    { run: runId },
  );
  const gauges: RunSeconds['gauges'] = {};
  for (const { metric, at_ms, total } of rows) {
    const index = (at_ms - span.startMs) / 1000;
    if (index < 0 || index >= span.seconds) continue;
    gauges[metric] ??= new Float64Array(span.seconds).fill(Number.NaN);
    gauges[metric][index] = total;
  }
  return gauges;
}

/** Without a summary the first and last second are taken for cut ones. */
function wholeSeconds({ startMs, seconds }: Span, summary: RunSummary | null): RunSeconds['whole'] {
  const steady = summary?.phases.find(({ phase }) => phase === 'steady');
  const from = steady === undefined ? 1 : Math.ceil((steady.startMs - startMs) / 1000);
  const to = steady === undefined ? seconds - 1 : Math.floor((steady.endMs - startMs) / 1000);
  const first = Math.min(Math.max(from, 0), seconds);
  return { from: first, to: Math.min(Math.max(to, first), seconds) };
}

function floorSecond(atMs: number): number {
  return Math.floor(atMs / 1000) * 1000;
}
