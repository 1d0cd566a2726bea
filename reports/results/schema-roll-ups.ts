/** Latencies of a second and of a minute, added up over everybody who recorded them (the sixth version of the store). */

/**
 * `seconds` and `minutes` repeat what `histograms` say, so that a report reads little (roll-up.ts fills them). `count` is the
 * version of a row: samples are only ever added, so the row that has counted most of them is the newest.
 */
export function rollUpsOfVersion6(database: string): string[] {
  return [
    `CREATE TABLE IF NOT EXISTS ${database}.seconds (
      run_id String,
      metric LowCardinality(String),
      at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      count UInt64,
      sum_us UInt64,
      max_us UInt64,
      p50_us UInt64,
      p90_us UInt64,
      p99_us UInt64,
      p999_us UInt64,
      heat_rows Array(UInt8) COMMENT 'occupied rows of the heat map; row r begins at 2^(r / 4) us' CODEC(Delta, ZSTD),
      heat_counts Array(UInt64) COMMENT 'samples in each of these rows' CODEC(T64, ZSTD)
    ) ENGINE = ReplacingMergeTree(count) ORDER BY (run_id, metric, at)`,

    `CREATE TABLE IF NOT EXISTS ${database}.minutes (
      run_id String,
      metric LowCardinality(String),
      at DateTime64(3, 'UTC') CODEC(Delta, ZSTD),
      phase LowCardinality(String),
      count UInt64,
      max_us UInt64,
      bucket_values Array(UInt64) COMMENT 'highest equivalent value of each occupied bucket, us' CODEC(Delta, ZSTD),
      bucket_counts Array(UInt64) COMMENT 'samples in each of these buckets' CODEC(T64, ZSTD)
    ) ENGINE = ReplacingMergeTree(count) ORDER BY (run_id, metric, at, phase)`,
  ];
}
