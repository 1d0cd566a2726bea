-- Which limits were found, how surely, and what ran out?
-- columns: started_at; axis; objective; limit, between low and high; confidence; ran_out, evidence; points tried;
--   complete (false: it was interrupted). Newest first.
SELECT
  started_at, axis, objective, `limit`, low, high, confidence, ran_out, evidence,
  length(points.level) AS points,
  complete
FROM (SELECT * FROM searches ORDER BY saved_at DESC LIMIT 1 BY search_id)
ORDER BY started_at DESC
