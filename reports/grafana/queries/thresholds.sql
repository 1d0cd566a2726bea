-- The thresholds as they were judged, those that failed first.
SELECT metric, threshold, value, if(ok, 'kept', 'missed') AS result
FROM thresholds
WHERE run_id = ${run:singlequote}
ORDER BY ok, metric, threshold
