-- Open connections as the agents and as the server count them.
SELECT
  time,
  sumIf(highest, startsWith(source, 'agent-')) AS agents,
  sumIf(highest, NOT startsWith(source, 'agent-')) AS server
FROM (
  SELECT $__timeInterval(at) AS time, source, max(value) AS highest
  FROM gauges
  WHERE run_id = ${run:singlequote} AND metric = 'connections' AND $__timeFilter(at)
  GROUP BY time, source
)
GROUP BY time
ORDER BY time
