-- How much load was offered each second, and how much came through?
-- parameter run: the run
-- columns: second since the run started; phase, in which messages were meant to be sent; offered (sent and dropped); sent;
--   dropped (could not be started on time); acknowledged; deliveries_expected of what was sent; delivered
WITH (SELECT min(toStartOfSecond(started_at)) FROM runs WHERE run_id = {run:String}) AS start
SELECT
  dateDiff('second', start, toStartOfSecond(at)) AS second,
  phase,
  sumIf(value, metric IN ('messages_sent', 'messages_dropped')) AS offered,
  sumIf(value, metric = 'messages_sent') AS sent,
  sumIf(value, metric = 'messages_dropped') AS dropped,
  sumIf(value, metric = 'messages_acknowledged') AS acknowledged,
  sumIf(value, metric = 'deliveries_expected') AS deliveries_expected,
  sumIf(value, metric = 'messages_delivered') AS delivered
FROM counters
WHERE run_id = {run:String}
  AND metric IN ('messages_sent', 'messages_dropped', 'messages_acknowledged', 'deliveries_expected', 'messages_delivered')
GROUP BY second, phase
ORDER BY second, phase
