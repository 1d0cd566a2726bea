/** Which runs there are, and which one an id means. */
import type { Verdict } from '../../loadgen/recorder/summary.ts';
import { resultsFlag } from './results-flag.ts';
import type { RunListing } from './results-store.ts';
import { ResultsError } from './results-store.ts';
import { queryRows, type StoreClient } from './store-client.ts';

/** A listing without its status, which depends on who asks. */
export type ListedRun = Omit<RunListing, 'status'> & {
  /** Since the last sign of life of its writer, ms; null when it never gave one. */
  silentMs: number | null;
};

export type FoundRun = Pick<ListedRun, 'runId' | 'name' | 'finishedAtMs' | 'silentMs'> & {
  scenarioText: string;
  command: string;
  /** JSON; null for a run that was not judged. */
  summary: string | null;
};

/** Newest first. */
export async function listRuns(store: StoreClient, limit?: number): Promise<ListedRun[]> {
  const newest = limit === undefined ? '' : 'LIMIT {limit:UInt32}';
  return (
    await queryRows<ListedRunRow>(
      store,
      `SELECT run_id, name, tags, scenario, ${millis('started_at')}, ${millis('finished_at')}, verdict,
         connections_peak, delivery_p99_ms, ${SILENCE}
       FROM (SELECT run_id, name, tags, scenario, started_at FROM ${store.database}.runs
             ORDER BY started_at DESC, run_id DESC ${newest}) AS runs
       ${joinEnds(store, 'verdict, connections_peak, delivery_p99_ms')}
       ORDER BY started_at DESC, run_id DESC`,
      limit === undefined ? {} : { limit },
    )
  ).map((row) => ({
    runId: row.run_id,
    name: row.name,
    tags: row.tags,
    scenario: row.scenario,
    startedAtMs: row.started_at_ms,
    finishedAtMs: row.finished_at_ms,
    verdict: row.verdict,
    connectionsPeak: row.connections_peak,
    deliveryP99Ms: row.delivery_p99_ms,
    silentMs: row.silent_ms,
  }));
}

/**
 * `id` is a whole run id, an unambiguous beginning of one, a name (the newest run of that name), or `latest`.
 * @throws ResultsError `empty`, `unknown-run` or `ambiguous-run`
 */
export async function findRun(store: StoreClient, id: string): Promise<FoundRun> {
  const runId = await resolveRunId(store, id);
  const [row] = await queryRows<FoundRunRow>(
    store,
    `SELECT run_id, name, scenario_text, command, ${millis('finished_at')}, summary, ${SILENCE}
     FROM (SELECT run_id, name, scenario_text, command FROM ${store.database}.runs WHERE run_id = {run:String} LIMIT 1) AS runs
     ${joinEnds(store, 'summary')}`,
    { run: runId },
  );
  return {
    runId,
    name: row!.name,
    scenarioText: row!.scenario_text,
    command: row!.command,
    finishedAtMs: row!.finished_at_ms,
    summary: row!.summary,
    silentMs: row!.silent_ms,
  };
}

async function resolveRunId(store: StoreClient, id: string): Promise<string> {
  const matches = await queryRows<{ run_id: string; name: string }>(
    store,
    `SELECT run_id, name FROM ${store.database}.runs
     WHERE ({id:String} = 'latest' OR run_id = {id:String} OR startsWith(run_id, {id:String}) OR name = {id:String})
     ORDER BY started_at DESC, run_id DESC`,
    { id },
  );
  const exact = matches.find((run) => run.run_id === id);
  if (exact) return exact.run_id;
  if (id === 'latest' && matches[0]) return matches[0].run_id;
  const begun = id === '' ? [] : matches.filter((run) => run.run_id.startsWith(id));
  if (begun.length === 1) return begun[0]!.run_id;
  const named = id === '' ? undefined : matches.find((run) => run.name === id);
  if (named) return named.run_id;
  if (begun.length > 1) {
    const shown = begun.slice(0, 3).map((run) => run.run_id);
    const more = begun.length > shown.length ? ` and ${begun.length - shown.length} more` : '';
    throw new ResultsError(
      'ambiguous-run',
      `${JSON.stringify(id)} is the beginning of ${shown.join(', ')}${more} in ${store.place}: give more of the run id.`,
    );
  }
  const any = await queryRows(store, `SELECT 1 FROM ${store.database}.runs LIMIT 1`);
  if (any.length === 0) throw new ResultsError('empty', `No run is stored in ${store.place} yet: start one first.`);
  throw new ResultsError(
    'unknown-run',
    `No run in ${store.place} has the id or name ${JSON.stringify(id)}: 'plimsoll runs${resultsFlag(store.place)}' lists them.`,
  );
}

interface ListedRunRow {
  run_id: string;
  name: string;
  tags: Record<string, string>;
  scenario: string;
  started_at_ms: number;
  finished_at_ms: number | null;
  verdict: Verdict | null;
  connections_peak: number | null;
  delivery_p99_ms: number | null;
  silent_ms: number | null;
}

interface FoundRunRow {
  run_id: string;
  name: string;
  scenario_text: string;
  command: string;
  finished_at_ms: number | null;
  summary: string | null;
  silent_ms: number | null;
}

function millis(column: string): string {
  return `toUnixTimestamp64Milli(${column}) AS ${column}_ms`;
}

/** On the clock of the server, which also stamped the heartbeats. */
const SILENCE = 'toUnixTimestamp64Milli(now64(3)) - toUnixTimestamp64Milli(heard_at) AS silent_ms';

/** What is null for an unfinished run. A run that was judged twice keeps its last judgement. */
function joinEnds({ database }: StoreClient, columns: string): string {
  return `LEFT JOIN (SELECT run_id, finished_at, ${columns} FROM ${database}.run_ends
            ORDER BY finished_at DESC LIMIT 1 BY run_id) AS ends USING (run_id)
          LEFT JOIN (SELECT run_id, max(at) AS heard_at FROM ${database}.heartbeats GROUP BY run_id) AS beats
            USING (run_id)`;
}
