-- Percentiles of the chosen latency, in ms: exact for every interval, however wide it is, because buckets are merged.
SELECT time, levels[1] / 1000 AS p50, levels[2] / 1000 AS p90, levels[3] / 1000 AS p99, levels[4] / 1000 AS "p99.9", max / 1000 AS max
FROM (
  SELECT
    $__timeInterval(at) AS time,
    quantilesExactWeightedArray(0.5, 0.9, 0.99, 0.999)(bucket_values, bucket_counts) AS levels,
    max(max_us) AS max
  FROM histograms
  WHERE run_id = ${run:singlequote} AND metric = ${metric:singlequote} AND $__timeFilter(at)
    AND $__conditionalAll(source IN (${agent:singlequote}), $agent)
  GROUP BY time
  HAVING sum(count) > 0
)
ORDER BY time
