-- Which agent was slow, and was it short of CPU?
-- parameter run: the run
-- parameter metric = delivery_latency: a latency
-- columns: agent; samples; p50_ms, p99_ms, max_ms over the steady phase; cpu_cores_mean, loop_delay_worst_ms over the run.
--   The slowest first.
SELECT
  source AS agent,
  samples,
  levels[1] / 1000 AS p50_ms,
  levels[2] / 1000 AS p99_ms,
  highest / 1000 AS max_ms,
  cpu_cores_mean,
  loop_delay_worst_ms
FROM (
  SELECT
    source,
    sum(count) AS samples,
    max(max_us) AS highest,
    quantilesExactWeightedArray(0.5, 0.99)(bucket_values, bucket_counts) AS levels
  FROM histograms
  WHERE run_id = {run:String} AND metric = {metric:String} AND phase = 'steady' AND count > 0
  GROUP BY source
) AS latencies
LEFT JOIN (
  SELECT
    source,
    avgOrNullIf(value, metric = 'agent_cpu') AS cpu_cores_mean,
    maxOrNullIf(value, metric = 'agent_loop_delay') AS loop_delay_worst_ms
  FROM gauges
  WHERE run_id = {run:String} AND metric IN ('agent_cpu', 'agent_loop_delay')
  GROUP BY source
) AS load USING (source)
ORDER BY p99_ms DESC, agent
