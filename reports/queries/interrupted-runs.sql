-- Which runs were cut short, and how far had they come?
-- columns: run_id, started_at, name, scenario; last_sample_at (null: none was stored); seconds from the start to it;
--   histograms stored. A run that is still going gives a sign of life every ten seconds (on a server) and is left out.
--   Newest first.
SELECT
  run_id, started_at, name, scenario, last_sample_at,
  dateDiff('second', started_at, last_sample_at) AS seconds,
  ifNull(stored, 0) AS histograms
FROM (SELECT run_id, started_at, name, scenario FROM runs ORDER BY started_at LIMIT 1 BY run_id) AS runs
LEFT JOIN (SELECT run_id, max(at) AS last_sample_at, count() AS stored FROM histograms GROUP BY run_id) AS samples
  USING (run_id)
WHERE run_id NOT IN (SELECT run_id FROM run_ends) AND run_id NOT IN (
  SELECT run_id FROM heartbeats GROUP BY run_id HAVING max(at) > now64(3) - toIntervalSecond(30)
)
ORDER BY started_at DESC, run_id DESC
