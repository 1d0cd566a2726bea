-- What does a connection cost, and did that change from run to run?
-- parameter days = 90: how far back
-- parameter scenario = (all): of this scenario only
-- columns: run_id, started_at, scenario, connections_peak; server_bytes, kernel_bytes (both ends), generator_bytes per
--   connection; server_cpu_us_per_message (microseconds). Null: not measured, of too few connections for example. Newest first.
SELECT
  run_id, started_at, scenario, connections_peak, server_bytes, kernel_bytes, generator_bytes, server_cpu_us_per_message
FROM (
  SELECT run_id, started_at, scenario FROM runs
  WHERE started_at >= now64(3) - toIntervalDay({days:UInt32}) AND ({scenario:String} IN ('', scenario))
  ORDER BY started_at LIMIT 1 BY run_id
) AS runs
INNER JOIN (
  SELECT
    run_id,
    connections_peak,
    JSONExtract(summary, 'server', 'memoryBytesPerConnection', 'Nullable(Float64)') AS server_bytes,
    JSONExtract(summary, 'kernel', 'memoryBytesPerConnection', 'Nullable(Float64)') AS kernel_bytes,
    JSONExtract(summary, 'generator', 'memoryBytesPerConnection', 'Nullable(Float64)') AS generator_bytes,
    JSONExtract(
      arrayFirst(
        metric -> JSONExtractString(metric, 'name') = 'server_cpu_microseconds_per_message',
        JSONExtractArrayRaw(summary, 'results', 'metrics')
      ),
      'values', 'value', 'Nullable(Float64)'
    ) AS server_cpu_us_per_message
  FROM run_ends ORDER BY finished_at DESC LIMIT 1 BY run_id
) AS ends USING (run_id)
ORDER BY started_at DESC, run_id DESC
