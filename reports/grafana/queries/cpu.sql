-- Cores used by each process of server and generator.
SELECT $__timeInterval(at) AS time, source, avg(value) AS cores
FROM gauges
WHERE run_id = ${run:singlequote} AND metric IN ('server_cpu', 'agent_cpu') AND $__timeFilter(at)
GROUP BY time, source
ORDER BY time
