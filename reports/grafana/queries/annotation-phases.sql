-- Connect, warm-up, steady, drain.
SELECT start_at AS time, end_at AS timeEnd, toString(phase) AS text, 'phase' AS tags
FROM phases
WHERE run_id = ${run:singlequote}
ORDER BY time
