-- The latencies of the run; the one that matters most stands first, and so is chosen at the start.
SELECT metric
FROM histograms
WHERE run_id = ${run:singlequote}
GROUP BY metric
ORDER BY metric != 'delivery_latency', metric
