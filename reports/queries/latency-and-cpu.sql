-- When did latency and CPU go up together?
-- parameter run: the run
-- parameter metric = delivery_latency: a latency
-- columns: second since the run started; p99_ms; server_cores, agent_cores in use; both_high: p99 and the server's CPU were
--   both among the highest tenth of the run; correlation of the two over the run, from -1 to 1 (the same in every row)
WITH
  (SELECT min(toStartOfSecond(started_at)) FROM runs WHERE run_id = {run:String}) AS start,
  seconds AS (
    SELECT second, p99_ms, ifNull(server, 0) AS server_cores, ifNull(agents, 0) AS agent_cores
    FROM (
      SELECT
        dateDiff('second', start, toStartOfSecond(at)) AS second,
        quantileExactWeightedArray(0.99)(bucket_values, bucket_counts) / 1000 AS p99_ms
      FROM histograms WHERE run_id = {run:String} AND metric = {metric:String} AND count > 0
      GROUP BY second
    ) AS latencies
    LEFT JOIN (
      SELECT
        dateDiff('second', start, toStartOfSecond(at)) AS second,
        sumIf(value, metric = 'server_cpu') AS server,
        sumIf(value, metric = 'agent_cpu') AS agents
      FROM gauges WHERE run_id = {run:String} AND metric IN ('server_cpu', 'agent_cpu')
      GROUP BY second
    ) AS cores USING (second)
  )
SELECT
  second, p99_ms, server_cores, agent_cores,
  p99_ms >= (SELECT quantileExact(0.9)(p99_ms) FROM seconds)
    AND server_cores >= (SELECT quantileExact(0.9)(server_cores) FROM seconds) AS both_high,
  (SELECT if(isFinite(corr(p99_ms, server_cores)), corr(p99_ms, server_cores), NULL) FROM seconds) AS correlation
FROM seconds
ORDER BY second
