-- The processes that measured.
SELECT DISTINCT source
FROM histograms
WHERE run_id = ${run:singlequote}
ORDER BY source
