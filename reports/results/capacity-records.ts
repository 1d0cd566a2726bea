/** Searches for a limit and cost models, as they are stored beside the runs that they come from. */
import { ResultsError } from './results-store.ts';
import { clickhouseTime, insertRows, queryRows, type StoreClient } from './store-client.ts';

/** The state of a search when it was last saved. */
export interface SearchRecord {
  searchId: string;
  startedAtMs: number;
  /** `connections`, `connect-rate`, `messages` or `fanout`. */
  axis: string;
  /** What a level must hold, e.g. `p(99)<100`. */
  objective: string;
  /** The highest level that held and the lowest that did not, in the unit of the axis; null: none yet. */
  low: number | null;
  high: number | null;
  limit: number | null;
  /** From 0 to 1, that the limit lies between `low` and `high`. */
  confidence: number | null;
  /** `server-cpu`, `shard`, `memory`, `descriptors`, `ports`, `store`, `generator`; empty: unknown. */
  ranOut: string;
  evidence: string;
  /** False: it was interrupted, and can be taken up again. */
  complete: boolean;
  /** In the order in which they were tried. */
  points: Array<{ level: number; runId: string; verdict: string }>;
}

/** What things cost, fitted to runs. */
export interface CostModelRecord {
  modelId: string;
  madeAtMs: number;
  runIds: string[];
  coefficients: Array<{ name: string; unit: string; estimate: number; low: number; high: number }>;
}

/** @throws ResultsError */
export async function saveSearch(store: StoreClient, search: SearchRecord): Promise<void> {
  const { points } = search;
  const { low, high, limit, confidence } = search;
  checkFinite(`search ${search.searchId}`, [low, high, limit, confidence, ...points.map(({ level }) => level)]);
  await insertRows(store, 'searches', [
    {
      search_id: search.searchId,
      started_at: clickhouseTime(search.startedAtMs),
      axis: search.axis,
      objective: search.objective,
      low,
      high,
      limit,
      confidence,
      ran_out: search.ranOut,
      evidence: search.evidence,
      complete: search.complete,
      'points.level': points.map(({ level }) => level),
      'points.run_id': points.map(({ runId }) => runId),
      'points.verdict': points.map(({ verdict }) => verdict),
    },
  ]);
}

/** Newest first. @throws ResultsError */
export async function listSearches(store: StoreClient, limit = 100): Promise<SearchRecord[]> {
  return queryRows<SearchRecord>(
    store,
    `SELECT search_id AS searchId, toUnixTimestamp64Milli(started_at) AS startedAtMs, axis, objective, low, high,
       \`limit\`, confidence, ran_out AS ranOut, evidence, complete,
       arrayMap((level, run_id, verdict) ->
         CAST((level, run_id, verdict), 'Tuple(level Float64, runId String, verdict String)'),
         points.level, points.run_id, points.verdict) AS points
     FROM (SELECT * FROM ${store.database}.searches ORDER BY saved_at DESC LIMIT 1 BY search_id)
     ORDER BY startedAtMs DESC, searchId DESC LIMIT {most:UInt32}`,
    { most: limit },
  );
}

/** @throws ResultsError */
export async function saveCostModel(store: StoreClient, model: CostModelRecord): Promise<void> {
  const { coefficients } = model;
  checkFinite(
    `cost model ${model.modelId}`,
    coefficients.flatMap(({ estimate, low, high }) => [estimate, low, high]),
  );
  await insertRows(store, 'cost_models', [
    {
      model_id: model.modelId,
      made_at: clickhouseTime(model.madeAtMs),
      run_ids: model.runIds,
      'coefficients.name': coefficients.map(({ name }) => name),
      'coefficients.unit': coefficients.map(({ unit }) => unit),
      'coefficients.estimate': coefficients.map(({ estimate }) => estimate),
      'coefficients.low': coefficients.map(({ low }) => low),
      'coefficients.high': coefficients.map(({ high }) => high),
    },
  ]);
}

/** Newest first. @throws ResultsError */
export async function listCostModels(store: StoreClient, limit = 100): Promise<CostModelRecord[]> {
  const tuple = 'Tuple(name String, unit String, estimate Float64, low Float64, high Float64)';
  return queryRows<CostModelRecord>(
    store,
    `SELECT model_id AS modelId, toUnixTimestamp64Milli(made_at) AS madeAtMs, run_ids AS runIds,
       arrayMap((name, unit, estimate, low, high) -> CAST((name, unit, estimate, low, high), '${tuple}'),
         coefficients.name, coefficients.unit, coefficients.estimate, coefficients.low, coefficients.high)
         AS coefficients
     FROM (SELECT * FROM ${store.database}.cost_models ORDER BY saved_at DESC LIMIT 1 BY model_id)
     ORDER BY madeAtMs DESC, modelId DESC LIMIT {most:UInt32}`,
    { most: limit },
  );
}

/** JSON has no others: they would be stored as null or 0 without a word. */
function checkFinite(what: string, figures: Array<number | null>): void {
  const wrong = figures.find((figure) => figure !== null && !Number.isFinite(figure));
  if (wrong !== undefined) {
    throw new ResultsError('failed', `The ${what} has the figure ${wrong}: only finite values are stored.`);
  }
}
