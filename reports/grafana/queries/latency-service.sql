-- p99 from the intended and from the actual send, in ms. Where they part, something kept sends from starting on time.
SELECT
  $__timeInterval(at) AS time,
  if(endsWith(toString(metric), '_service'), 'service time', 'from the intended send') AS counted,
  quantileExactWeightedArray(0.99)(bucket_values, bucket_counts) / 1000 AS p99
FROM histograms
WHERE run_id = ${run:singlequote} AND $__timeFilter(at)
  AND metric IN (${metric:singlequote}, concat(${metric:singlequote}, '_service'))
  AND $__conditionalAll(source IN (${agent:singlequote}), $agent)
GROUP BY time, counted
HAVING sum(count) > 0
ORDER BY time
