-- The runs to choose from, newest first: what is put into queries, and what is shown.
SELECT run_id, concat(formatDateTime(started_at, '%F %R'), ' ', name) AS label
FROM runs
ORDER BY started_at DESC
LIMIT 500
