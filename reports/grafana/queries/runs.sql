-- The newest runs side by side, with the chosen latency of their steady phases, ms. The last two columns are for the link.
SELECT
  started_at AS started, name, verdict, connections_peak AS connections,
  if(empty(levels), NULL, levels[1] / 1000) AS p50,
  if(empty(levels), NULL, levels[2] / 1000) AS p99,
  if(empty(levels), NULL, levels[3] / 1000) AS "p99.9",
  sent, lost, run_id,
  toUnixTimestamp64Milli(started_at) AS from_ms,
  toUnixTimestamp64Milli(if(verdict = '', now64(3), finished_at)) AS to_ms
FROM (SELECT run_id, name, started_at FROM runs ORDER BY started_at DESC LIMIT 50) AS newest
LEFT JOIN run_ends USING (run_id)
LEFT JOIN ledger USING (run_id)
LEFT JOIN (
  SELECT run_id, quantilesExactWeightedArray(0.5, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
  FROM histograms
  WHERE metric = ${metric:singlequote} AND phase = 'steady'
    AND run_id IN (SELECT run_id FROM runs ORDER BY started_at DESC LIMIT 50)
  GROUP BY run_id
) AS latency USING (run_id)
ORDER BY started DESC
