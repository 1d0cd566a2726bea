-- Cores used by each process of server and generator, and by all of the machine that the run was started on.
SELECT $__timeInterval(at) AS time, source, avg(value) AS cores
FROM gauges
WHERE run_id = ${run:singlequote} AND metric IN ('server_cpu', 'agent_cpu', 'machine_cpu') AND $__timeFilter(at)
GROUP BY time, source
ORDER BY time
