-- p99 as each process measured it, in ms: which agent was slow?
SELECT
  $__timeInterval(at) AS time,
  source,
  quantileExactWeightedArray(0.99)(bucket_values, bucket_counts) / 1000 AS p99
FROM histograms
WHERE run_id = ${run:singlequote} AND metric = ${metric:singlequote} AND $__timeFilter(at)
  AND $__conditionalAll(source IN (${agent:singlequote}), $agent)
GROUP BY time, source
HAVING sum(count) > 0
ORDER BY time
