-- Every message is accounted for.
SELECT sent, acknowledged, delivered, lost, duplicated, reordered, pending
FROM ledger
WHERE run_id = ${run:singlequote}
