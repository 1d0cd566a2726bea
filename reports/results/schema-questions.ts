/** What people ask of stored runs, as columns and tables of its own (the fifth version of the store). */

/**
 * - What so far was inside JSON texts can be asked for by name, of runs stored before too: the new columns are computed
 *   from the texts.
 * - Searches for a limit, and cost models, beside the runs that they come from. A row is one state of a search or model;
 *   of several with one id the newest counts.
 */
export function questionsOfVersion5(database: string): string[] {
  const add = (table: string, definition: string): string =>
    `ALTER TABLE ${database}.${table} ADD COLUMN IF NOT EXISTS ${definition}`;
  const strings = (path: string): string => `JSONExtract(summary, ${path}, 'Array(String)')`;
  return [
    // Values are as JSON has them, strings without their quotes.
    add(
      'runs',
      `machine Map(String, String) MATERIALIZED CAST(arrayMap(
         pair -> (pair.1, if(startsWith(pair.2, '"'), JSONExtractString(pair.2), pair.2)),
         JSONExtractKeysAndValuesRaw(environment)), 'Map(String, String)')
       COMMENT 'cores, cpu, memoryBytes, node, kernel, … of environment'`,
    ),
    add(
      'run_ends',
      `claim String MATERIALIZED JSONExtractString(summary, 'claim') COMMENT 'the verdict as a sentence'`,
    ),
    add('run_ends', `failures Array(String) MATERIALIZED ${strings(`'failures'`)} COMMENT 'why it did not pass'`),
    add('run_ends', `notes Array(String) MATERIALIZED ${strings(`'notes'`)} COMMENT 'remarks without weight'`),
    add(
      'run_ends',
      `invalid_reasons Array(String) MATERIALIZED ${strings(`'validity', 'reasons'`)} COMMENT 'why figures are not to be trusted'`,
    ),
    add(
      'run_ends',
      `complete Bool MATERIALIZED JSONExtractBool(summary, 'metadata', 'complete') COMMENT 'false: a signal ended it early'`,
    ),
    `CREATE TABLE IF NOT EXISTS ${database}.searches (
      search_id String,
      saved_at DateTime64(3, 'UTC') DEFAULT now64(3),
      started_at DateTime64(3, 'UTC'),
      axis LowCardinality(String) COMMENT 'connections, connect-rate, messages, fanout',
      objective String COMMENT 'what a level must hold, e.g. p(99)<100',
      low Nullable(Float64) COMMENT 'highest level that held',
      high Nullable(Float64) COMMENT 'lowest level that did not',
      \`limit\` Nullable(Float64) COMMENT 'null: not known yet, or not found',
      confidence Nullable(Float64) COMMENT '0 to 1, that the limit is between low and high',
      ran_out LowCardinality(String) COMMENT 'server-cpu, shard, memory, descriptors, ports, store, generator; empty: unknown',
      evidence String,
      complete Bool COMMENT 'false: it was interrupted and can be taken up again',
      points Nested(level Float64, run_id String, verdict String)
    ) ENGINE = MergeTree ORDER BY (search_id, saved_at)`,
    `CREATE TABLE IF NOT EXISTS ${database}.cost_models (
      model_id String,
      saved_at DateTime64(3, 'UTC') DEFAULT now64(3),
      made_at DateTime64(3, 'UTC'),
      run_ids Array(String) COMMENT 'the runs that it was fitted to',
      coefficients Nested(name String, unit String, estimate Float64, low Float64, high Float64)
    ) ENGINE = MergeTree ORDER BY (model_id, saved_at)`,
  ];
}
