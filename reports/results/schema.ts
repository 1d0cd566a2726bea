/**
 * The tables of the results store, and how an older store becomes the present one. Grafana and hand-written SQL read
 * these tables too, so a change of a column is a new migration, never an edit of an old one.
 */
import { ResultsError } from './results-store.ts';
import { storedVersion } from './schema-owner.ts';
import { questionsOfVersion5 } from './schema-questions.ts';
import { rollUpsOfVersion6 } from './schema-roll-ups.ts';
import { runCommand, type StoreClient } from './store-client.ts';

/** Statements that bring a store from one version to the next. Each must be harmless when run twice. */
export type Migration = (database: string) => string[];

/** Migration `i` leads from version `i` to `i + 1`; version 0 is an empty database. */
export const MIGRATIONS: readonly Migration[] = [
  tablesOfVersion1,
  faultsOfVersion2,
  streamsOfVersion3,
  tokensOfVersion4,
  questionsOfVersion5,
  rollUpsOfVersion6,
];

/**
 * Brings the tables of `store.database` to the newest version.
 *
 * With `readOnly`, nothing is created: a store that is not there yet is `empty`. An older store is upgraded in both
 * cases, because it could not be read otherwise.
 *
 * @throws ResultsError `foreign` when the store is newer than this program or the database belongs to something else.
 */
export async function migrateSchema(
  store: StoreClient,
  options: { readOnly: boolean; migrations?: readonly Migration[] },
): Promise<void> {
  const { database, place } = store;
  const migrations = options.migrations ?? MIGRATIONS;
  const version = await storedVersion(store, tablesOfVersion1(database));
  if (version > migrations.length) {
    throw new ResultsError(
      'foreign',
      `The results in ${place} have format ${version}, written by a newer Plimsoll; this one reads formats up to ` +
        `${migrations.length}: update it or name another place with --results.`,
    );
  }
  if (version === 0 && options.readOnly) {
    // A server shows nobody what he may not see.
    const hidden = place.startsWith('http') ? ', or this user may not see them' : '';
    throw new ResultsError('empty', `No results are stored in ${place} yet${hidden}: start a run first.`);
  }
  if (version === 0) await runCommand(store, `CREATE DATABASE IF NOT EXISTS ${database}`);
  for (let next = version; next < migrations.length; next++) {
    for (const statement of migrations[next]!(database)) await runCommand(store, statement);
    await runCommand(store, `INSERT INTO ${database}.schema_version (version) VALUES (${next + 1})`);
  }
}

/**
 * Everything is append-only, so that a row which was acknowledged never changes; the status of a run is derived
 * (`run_ends` has it, or its writer was heard of lately, or it was interrupted).
 */
function tablesOfVersion1(database: string): string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${database}.schema_version (
      version UInt32,
      since DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = MergeTree ORDER BY version`,

    // One row a run, written when it starts.
    `CREATE TABLE IF NOT EXISTS ${database}.runs (
      run_id String,
      name String,
      tags Map(String, String),
      started_at DateTime64(3, 'UTC'),
      scenario String,
      scenario_text String CODEC(ZSTD),
      command String,
      seed Float64,
      config String COMMENT 'JSON: what was asked for' CODEC(ZSTD),
      environment String COMMENT 'JSON: the machine' CODEC(ZSTD)
    ) ENGINE = MergeTree ORDER BY run_id`,

    // One row a run, written when it was judged; its columns repeat what listings show of the summary.
    `CREATE TABLE IF NOT EXISTS ${database}.run_ends (
      run_id String,
      finished_at DateTime64(3, 'UTC'),
      verdict LowCardinality(String),
      connections_peak UInt64,
      delivery_p99_ms Nullable(Float64),
      summary String COMMENT 'JSON of --summary-json' CODEC(ZSTD)
    ) ENGINE = MergeTree ORDER BY run_id`,

    // The server's own clock, so that readers on other machines need not agree with the writer about the time.
    `CREATE TABLE IF NOT EXISTS ${database}.heartbeats (
      run_id String,
      at DateTime64(3, 'UTC') DEFAULT now64(3)
    ) ENGINE = ReplacingMergeTree(at) ORDER BY run_id`,

    // One row a run, process, metric and second. Occupied buckets as two ascending arrays: exact when merged in SQL by
    // quantilesExactWeightedArray(…)(bucket_values, bucket_counts). In this order per-second groups come out sorted.
    `CREATE TABLE IF NOT EXISTS ${database}.histograms (
      run_id String,
      at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      source LowCardinality(String),
      metric LowCardinality(String),
      phase LowCardinality(String),
      count UInt64,
      sum_us UInt64,
      min_us UInt64,
      max_us UInt64,
      bucket_values Array(UInt64) COMMENT 'highest equivalent value of each occupied bucket, us' CODEC(Delta, ZSTD),
      bucket_counts Array(UInt64) COMMENT 'samples in each of these buckets' CODEC(Delta, ZSTD),
      CONSTRAINT a_count_per_value CHECK length(bucket_values) = length(bucket_counts)
    ) ENGINE = MergeTree ORDER BY (run_id, metric, at, source)`,

    `CREATE TABLE IF NOT EXISTS ${database}.counters (
      run_id String,
      at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      source LowCardinality(String),
      metric LowCardinality(String),
      phase LowCardinality(String),
      value Float64 COMMENT 'increase within the second'
    ) ENGINE = MergeTree ORDER BY (run_id, metric, at, source)`,

    `CREATE TABLE IF NOT EXISTS ${database}.gauges (
      run_id String,
      at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      source LowCardinality(String),
      metric LowCardinality(String),
      value Float64
    ) ENGINE = MergeTree ORDER BY (run_id, metric, source, at)`,

    `CREATE TABLE IF NOT EXISTS ${database}.ledger (
      run_id String,
      sent UInt64,
      acknowledged UInt64,
      delivered UInt64,
      lost UInt64,
      duplicated UInt64,
      reordered UInt64,
      pending UInt64
    ) ENGINE = MergeTree ORDER BY run_id`,

    `CREATE TABLE IF NOT EXISTS ${database}.thresholds (
      run_id String,
      metric String,
      threshold String,
      value Nullable(Float64) COMMENT 'null when nothing was measured',
      ok Bool
    ) ENGINE = MergeTree ORDER BY (run_id, metric)`,

    `CREATE TABLE IF NOT EXISTS ${database}.faults (
      run_id String,
      kind LowCardinality(String),
      at_seconds Float64,
      recovery_seconds Float64,
      lost UInt64
    ) ENGINE = MergeTree ORDER BY (run_id, at_seconds)`,

    `CREATE TABLE IF NOT EXISTS ${database}.phases (
      run_id String,
      phase LowCardinality(String),
      start_at DateTime64(3, 'UTC'),
      end_at DateTime64(3, 'UTC')
    ) ENGINE = MergeTree ORDER BY (run_id, start_at)`,
  ];
}

/** A fault need not have recovered, and says what it did. Statements that are one too many do no harm. */
function faultsOfVersion2(database: string): string[] {
  const column = (definition: string): string =>
    `ALTER TABLE ${database}.faults ADD COLUMN IF NOT EXISTS ${definition}`;
  return [
    `ALTER TABLE ${database}.faults MODIFY COLUMN recovery_seconds Nullable(Float64)
       COMMENT 'null: delivery was not normal again by the end of the run'`,
    column('for_seconds Float64'),
    column('detail String'),
    column(`problem String COMMENT 'why it could not be carried out'`),
    column('connections_before UInt64'),
    column('connections_lowest UInt64'),
    column('p99_before_ms Nullable(Float64)'),
    column('p99_worst_ms Nullable(Float64)'),
    column('backlog_highest UInt64'),
    column('dropped UInt64'),
    column('reconnects UInt64'),
  ];
}

/** Rows tell streams of messages apart, and thresholds whether they ended the run. */
function streamsOfVersion3(database: string): string[] {
  const scenario = `scenario LowCardinality(String) COMMENT 'stream of messages; empty where there is only one' AFTER phase`;
  return [
    `ALTER TABLE ${database}.histograms ADD COLUMN IF NOT EXISTS ${scenario}`,
    `ALTER TABLE ${database}.counters ADD COLUMN IF NOT EXISTS ${scenario}`,
    `ALTER TABLE ${database}.thresholds ADD COLUMN IF NOT EXISTS ended_run_at_seconds Nullable(Float64)
       COMMENT 'since the start of the load; null: it did not end the run'`,
  ];
}

/** Tables remember the tokens of inserts, so that what is sent again after an answer got lost is stored once. */
function tokensOfVersion4(database: string): string[] {
  const tables = ['runs', 'run_ends', 'histograms', 'counters', 'gauges', 'ledger', 'thresholds', 'faults', 'phases'];
  return tables.map(
    (table) => `ALTER TABLE ${database}.${table} MODIFY SETTING non_replicated_deduplication_window = 10000`,
  );
}
