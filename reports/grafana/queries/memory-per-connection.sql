-- What a connection costs in memory, as it was measured before the steady phase.
SELECT replaceOne(toString(metric), '_memory_bytes_per_connection', '') AS holder, max(value) AS bytes
FROM gauges
WHERE run_id = ${run:singlequote} AND endsWith(toString(metric), '_memory_bytes_per_connection')
GROUP BY holder
ORDER BY bytes DESC
