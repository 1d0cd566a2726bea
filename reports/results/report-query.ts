/** Gathers a ReportModel. All merging of histograms happens in SQL, metric by metric, so that memory stays small. */
import type { GaugeName } from '../../loadgen/recorder/metrics.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import type { ReportModel } from '../report-model.ts';
import { queryDistributions } from './report-distributions.ts';
import { type Frame, pointOf, queryFrame } from './report-frame.ts';
import { queryHeatMap } from './report-heat-map.ts';
import { queryPercentiles } from './report-percentiles.ts';
import type { FoundRun } from './run-query.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/** @throws ResultsError */
export async function queryReport(
  store: StoreClient,
  run: FoundRun,
  status: ReportModel['status'],
): Promise<ReportModel> {
  const frame = await queryFrame(store, run.runId);
  const model: ReportModel = {
    runId: run.runId,
    name: run.name,
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
  return model;
}

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
