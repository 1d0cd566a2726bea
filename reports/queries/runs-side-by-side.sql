-- How do the runs of this week compare?
-- parameter days = 7: how far back
-- parameter metric = delivery_latency: a latency
-- parameter scenario = (all): of this scenario only
-- columns: run_id, started_at, name, scenario, verdict (empty: not judged), connections_peak; samples, p50_ms, p99_ms,
--   p999_ms, max_ms over the steady phase (null: no samples, or they are past the store's retention). Newest first.
SELECT
  run_id, started_at, name, scenario,
  ifNull(verdict, '') AS verdict,
  connections_peak,
  ifNull(steady_samples, 0) AS samples,
  levels[1] / 1000 AS p50_ms,
  levels[2] / 1000 AS p99_ms,
  levels[3] / 1000 AS p999_ms,
  highest / 1000 AS max_ms
FROM (
  SELECT run_id, started_at, name, scenario FROM runs
  WHERE started_at >= now64(3) - toIntervalDay({days:UInt32}) AND ({scenario:String} IN ('', scenario))
  ORDER BY started_at LIMIT 1 BY run_id
) AS runs
LEFT JOIN (
  SELECT run_id, verdict, connections_peak FROM run_ends ORDER BY finished_at DESC LIMIT 1 BY run_id
) AS ends USING (run_id)
LEFT JOIN (
  SELECT
    run_id,
    sum(count) AS steady_samples,
    max(max_us) AS highest,
    quantilesExactWeightedArray(0.5, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
  FROM histograms
  WHERE metric = {metric:String} AND phase = 'steady' AND count > 0
    AND run_id IN (SELECT run_id FROM runs WHERE started_at >= now64(3) - toIntervalDay({days:UInt32}))
  GROUP BY run_id
) AS latencies USING (run_id)
ORDER BY started_at DESC, run_id DESC
