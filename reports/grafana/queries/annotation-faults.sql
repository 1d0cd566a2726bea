-- From the beginning of a fault until the service was normal again, or until the run ended without that.
SELECT
  steady.start_at + toIntervalMillisecond(toInt64(at_seconds * 1000)) AS time,
  if(isNull(recovery_seconds), last.end_at,
    time + toIntervalMillisecond(toInt64(greatest(ifNull(recovery_seconds, 0), for_seconds) * 1000))) AS timeEnd,
  concat(kind, if(isNull(recovery_seconds), ': not recovered', concat(': recovered after ', toString(recovery_seconds), ' s')),
    if(lost > 0, concat(', ', toString(lost), ' lost'), '')) AS text,
  kind AS tags
FROM faults
INNER JOIN (SELECT run_id, start_at FROM phases WHERE phase = 'steady') AS steady USING (run_id)
INNER JOIN (SELECT run_id, max(end_at) AS end_at FROM phases GROUP BY run_id) AS last USING (run_id)
WHERE run_id = ${run:singlequote} AND problem = ''
ORDER BY time
