-- How late sends were started, ms: the generator's own share of what is measured.
SELECT time, levels[1] / 1000 AS p50, levels[2] / 1000 AS p99, max / 1000 AS max
FROM (
  SELECT
    $__timeInterval(at) AS time,
    quantilesExactWeightedArray(0.5, 0.99)(bucket_values, bucket_counts) AS levels,
    max(max_us) AS max
  FROM histograms
  WHERE run_id = ${run:singlequote} AND metric = 'send_slip' AND $__timeFilter(at)
    AND $__conditionalAll(source IN (${agent:singlequote}), $agent)
  GROUP BY time
  HAVING sum(count) > 0
)
ORDER BY time
