-- Was it the generator that was late? Latency from the intended send time beside what the generator added to it.
-- parameter run: the run
-- columns: second since the run started; slip_p50_ms, slip_p99_ms from the intended to the actual send; delivery_p99_ms from
--   the intended, service_p99_ms from the actual send (null: no samples); slip_share: slip p99 over delivery p99
WITH
  (SELECT min(toStartOfSecond(started_at)) FROM runs WHERE run_id = {run:String}) AS start,
  seconds AS (
    SELECT
      metric,
      dateDiff('second', start, toStartOfSecond(at)) AS second,
      quantilesExactWeightedArray(0.5, 0.99)(bucket_values, bucket_counts) AS levels
    FROM histograms
    WHERE run_id = {run:String} AND count > 0
      AND metric IN ('send_slip', 'delivery_latency', 'delivery_latency_service')
    GROUP BY metric, second
  )
SELECT
  second,
  maxOrNullIf(levels[1], metric = 'send_slip') / 1000 AS slip_p50_ms,
  maxOrNullIf(levels[2], metric = 'send_slip') / 1000 AS slip_p99_ms,
  maxOrNullIf(levels[2], metric = 'delivery_latency') / 1000 AS delivery_p99_ms,
  maxOrNullIf(levels[2], metric = 'delivery_latency_service') / 1000 AS service_p99_ms,
  slip_p99_ms / delivery_p99_ms AS slip_share
FROM seconds
GROUP BY second
ORDER BY second
