-- What did a fault do to latency, second by second?
-- parameter run: the run
-- parameter metric = delivery_latency: a latency
-- parameter before = 10: seconds before the fault
-- parameter after = 30: seconds after it
-- columns: fault; fault_at_seconds since the start of the steady phase; second, from the fault's (0) on, as messages were
--   received; samples; p50_ms, p99_ms, max_ms
WITH
  (SELECT min(start_at) FROM phases WHERE run_id = {run:String} AND phase = 'steady') AS steady_start
SELECT
  kind AS fault,
  at_seconds AS fault_at_seconds,
  dateDiff('second', toStartOfSecond(fault_at), toStartOfSecond(at)) AS second,
  sum(count) AS samples,
  quantilesExactWeightedArray(0.5, 0.99)(bucket_values, bucket_counts)[1] / 1000 AS p50_ms,
  quantilesExactWeightedArray(0.5, 0.99)(bucket_values, bucket_counts)[2] / 1000 AS p99_ms,
  max(max_us) / 1000 AS max_ms
FROM histograms
CROSS JOIN (
  SELECT kind, at_seconds, steady_start + toIntervalMillisecond(toInt64(round(at_seconds * 1000))) AS fault_at
  FROM faults WHERE run_id = {run:String}
) AS faults
WHERE run_id = {run:String} AND metric = {metric:String} AND count > 0
GROUP BY fault, fault_at_seconds, second
HAVING second BETWEEN -{before:Int32} AND {after:Int32}
ORDER BY fault_at_seconds, fault, second
