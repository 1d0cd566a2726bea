-- How did each stream of messages of a scenario do?
-- parameter run: the run
-- parameter metric = delivery_latency: a latency
-- columns: stream (empty where there is only one); samples; p50_ms, p99_ms, p999_ms, max_ms over the steady phase
WITH quantilesExactWeightedArray(0.5, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
SELECT
  scenario AS stream,
  sum(count) AS samples,
  levels[1] / 1000 AS p50_ms,
  levels[2] / 1000 AS p99_ms,
  levels[3] / 1000 AS p999_ms,
  max(max_us) / 1000 AS max_ms
FROM histograms
WHERE run_id = {run:String} AND metric = {metric:String} AND phase = 'steady' AND count > 0
GROUP BY stream
ORDER BY stream
