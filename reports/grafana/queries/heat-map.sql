-- Samples per interval and range of latency; each column is named by the upper end of its range, ms.
SELECT
  $__timeInterval(at) AS time,
  sumIf(samples, us <= 500) AS "0.5",
  sumIf(samples, us > 500 AND us <= 1000) AS "1",
  sumIf(samples, us > 1000 AND us <= 2000) AS "2",
  sumIf(samples, us > 2000 AND us <= 5000) AS "5",
  sumIf(samples, us > 5000 AND us <= 10000) AS "10",
  sumIf(samples, us > 10000 AND us <= 20000) AS "20",
  sumIf(samples, us > 20000 AND us <= 50000) AS "50",
  sumIf(samples, us > 50000 AND us <= 100000) AS "100",
  sumIf(samples, us > 100000 AND us <= 200000) AS "200",
  sumIf(samples, us > 200000 AND us <= 500000) AS "500",
  sumIf(samples, us > 500000 AND us <= 1000000) AS "1000",
  sumIf(samples, us > 1000000 AND us <= 2000000) AS "2000",
  sumIf(samples, us > 2000000 AND us <= 5000000) AS "5000",
  sumIf(samples, us > 5000000 AND us <= 10000000) AS "10000",
  sumIf(samples, us > 10000000) AS "3600000"
FROM histograms
ARRAY JOIN bucket_values AS us, bucket_counts AS samples
WHERE run_id = ${run:singlequote} AND metric = ${metric:singlequote} AND $__timeFilter(at)
  AND $__conditionalAll(source IN (${agent:singlequote}), $agent)
GROUP BY time
ORDER BY time
