-- When the chosen run began, ms: for the link that shows its time.
SELECT toUnixTimestamp64Milli(min(started_at)) AS run_from
FROM runs
WHERE run_id = ${run:singlequote}
