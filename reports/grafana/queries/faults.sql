-- The faults of the run, in order, and how long each was felt.
SELECT kind, at_seconds AS at, recovery_seconds AS recovery, lost, problem
FROM faults
WHERE run_id = ${run:singlequote}
ORDER BY at_seconds
