-- What was said of the runs, and on which machine?
-- parameter days = 30: how far back
-- columns: run_id, started_at, verdict, claim; invalid_reasons (why figures are not to be trusted), failures, notes;
--   cores, memory_bytes, kernel of the machine. Newest first.
SELECT
  run_id, started_at, verdict, claim, invalid_reasons, failures, notes,
  machine['cores'] AS cores,
  machine['memoryBytes'] AS memory_bytes,
  machine['kernel'] AS kernel
FROM (
  SELECT run_id, started_at, machine FROM runs
  WHERE started_at >= now64(3) - toIntervalDay({days:UInt32})
  ORDER BY started_at LIMIT 1 BY run_id
) AS runs
INNER JOIN (
  SELECT run_id, verdict, claim, invalid_reasons, failures, notes FROM run_ends
  ORDER BY finished_at DESC LIMIT 1 BY run_id
) AS ends USING (run_id)
ORDER BY started_at DESC, run_id DESC
