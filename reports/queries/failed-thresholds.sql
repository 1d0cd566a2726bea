-- Which thresholds failed lately?
-- parameter days = 30: how far back
-- columns: run_id, started_at, scenario; metric, threshold, value as measured (null: nothing was);
--   ended_run_at_seconds since the start of the load (null: it did not end the run). Newest first.
SELECT run_id, started_at, scenario, metric, threshold, value, ended_run_at_seconds
FROM (SELECT DISTINCT run_id, metric, threshold, value, ended_run_at_seconds FROM thresholds WHERE NOT ok) AS failed
INNER JOIN (
  SELECT run_id, started_at, scenario FROM runs
  WHERE started_at >= now64(3) - toIntervalDay({days:UInt32})
  ORDER BY started_at LIMIT 1 BY run_id
) AS runs USING (run_id)
ORDER BY started_at DESC, run_id, metric, threshold
