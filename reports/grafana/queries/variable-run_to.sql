-- When the chosen run ended, or was heard of last, ms.
SELECT toUnixTimestamp64Milli(max(at)) AS run_to
FROM (
  SELECT finished_at AS at FROM run_ends WHERE run_id = ${run:singlequote}
  UNION ALL SELECT at FROM heartbeats WHERE run_id = ${run:singlequote}
  UNION ALL SELECT started_at + INTERVAL 1 MINUTE AS at FROM runs WHERE run_id = ${run:singlequote}
)
