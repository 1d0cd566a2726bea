-- How the run ended; as long as it has not, whether its writer was heard of lately.
SELECT multiIf(
  (SELECT count() FROM run_ends WHERE run_id = ${run:singlequote}) > 0,
  (SELECT any(toString(verdict)) FROM run_ends WHERE run_id = ${run:singlequote}),
  (SELECT max(at) FROM heartbeats WHERE run_id = ${run:singlequote}) > now64(3) - INTERVAL 30 SECOND,
  'running',
  'interrupted') AS verdict
