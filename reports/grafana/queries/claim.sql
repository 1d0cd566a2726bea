-- The claim of the run in one sentence, and what speaks against it.
SELECT
  JSONExtractString(summary, 'claim') AS claim,
  arrayStringConcat(
    arrayConcat(
      JSONExtract(summary, 'failures', 'Array(String)'),
      JSONExtract(summary, 'validity', 'reasons', 'Array(String)')),
    '; ') AS reasons
FROM run_ends
WHERE run_id = ${run:singlequote}
