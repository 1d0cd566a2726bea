/**
 * How long a store keeps samples. Old rows of `histograms`, `counters` and `gauges` go, which are nearly all of its size; a
 * run's start, end, summary, ledger, thresholds and faults stay, and its roll-ups, so that it is still listed and reported.
 */
import { ResultsError } from './results-store.ts';
import { queryRows, runCommand, type StoreClient } from './store-client.ts';

/** Days, or `forever`: what was set before is taken back. */
export type Retention = number | 'forever';

export const RETENTION_VARIABLE = 'PLIMSOLL_RESULTS_RETENTION';

/** The time at which a row goes must be before 2106, where the server's seconds end: later ones would be in the past. */
const MOST_DAYS = 3650;

const SAMPLES = ['histograms', 'counters', 'gauges'];

/**
 * `90d` or `forever`; undefined where nothing is said, and the store stays as it is.
 * @throws ResultsError `invalid-url`
 */
export function parseRetention(text: string | undefined): Retention | undefined {
  if (text === undefined || text === '') return undefined;
  if (text === 'forever') return text;
  const days = /^\d{1,4}d$/.test(text) ? Number.parseInt(text, 10) : 0;
  if (days >= 1 && days <= MOST_DAYS) return days;
  throw new ResultsError(
    'invalid-url',
    `${RETENTION_VARIABLE} is ${JSON.stringify(text)}: write whole days, 1d to ${MOST_DAYS}d, or forever.`,
  );
}

/**
 * Tells the server, once: tables that are told already stay untouched, because the server rewrites a table for this. Rows go
 * when the server next merges the parts that hold them, within hours as a rule.
 * @throws ResultsError
 */
export async function applyRetention(store: StoreClient, retention: Retention): Promise<void> {
  const { database } = store;
  const tables = await queryRows<{ name: string; definition: string }>(
    store,
    `SELECT name, engine_full AS definition FROM system.tables WHERE database = {database:String}`,
    { database },
  );
  for (const { name, definition } of tables) {
    if (!SAMPLES.includes(name)) continue;
    if (retention === 'forever') {
      if (/\bTTL\b/.test(definition)) await runCommand(store, `ALTER TABLE ${database}.${name} REMOVE TTL`);
    } else if (!new RegExp(`\\bTTL\\b.*\\btoIntervalDay\\(${retention}\\)`).test(definition)) {
      await runCommand(
        store,
        `ALTER TABLE ${database}.${name} MODIFY TTL toDateTime(at) + toIntervalDay(${retention})`,
      );
    }
  }
}
