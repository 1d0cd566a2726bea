-- p99 of the event loop's delay in each process, ms; the worst second of an interval.
SELECT $__timeInterval(at) AS time, source, max(value) AS delay
FROM gauges
WHERE run_id = ${run:singlequote} AND metric IN ('server_loop_delay', 'agent_loop_delay') AND $__timeFilter(at)
GROUP BY time, source
ORDER BY time
