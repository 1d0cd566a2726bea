-- What are the exact percentiles of any part of a run, for any of its agents?
-- parameter run: the run
-- parameter metric = delivery_latency: a latency
-- parameter phase = steady: the part of the run that reports are of; warm-up, drain, …, or empty (phase=) for all of it
-- parameter from = 0: first second, since the run started
-- parameter to = 86400: the second after the last
-- parameter agents = (all): agent-0,agent-2
-- columns: samples; mean_ms, min_ms, p50_ms, p90_ms, p95_ms, p99_ms, p999_ms, max_ms (null without samples)
WITH
  (SELECT min(toStartOfSecond(started_at)) FROM runs WHERE run_id = {run:String}) AS start,
  quantilesExactWeightedArray(0.5, 0.9, 0.95, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
SELECT
  sum(count) AS samples,
  if(samples = 0, NULL, sum(sum_us) / samples / 1000) AS mean_ms,
  if(samples = 0, NULL, min(min_us) / 1000) AS min_ms,
  if(samples = 0, NULL, levels[1] / 1000) AS p50_ms,
  if(samples = 0, NULL, levels[2] / 1000) AS p90_ms,
  if(samples = 0, NULL, levels[3] / 1000) AS p95_ms,
  if(samples = 0, NULL, levels[4] / 1000) AS p99_ms,
  if(samples = 0, NULL, levels[5] / 1000) AS p999_ms,
  if(samples = 0, NULL, max(max_us) / 1000) AS max_ms
FROM histograms
WHERE run_id = {run:String} AND metric = {metric:String} AND count > 0 AND ({phase:String} IN ('', phase))
  AND dateDiff('second', start, toStartOfSecond(at)) >= {from:Int32}
  AND dateDiff('second', start, toStartOfSecond(at)) < {to:Int32}
  AND ({agents:String} = '' OR has(splitByChar(',', {agents:String}), source))
