-- How much load was offered each second, and how much came through?
-- parameter run: the run
-- columns: second since the run started; phase, in which messages were meant to be sent (where it changes within a second:
--   most of them); offered (sent and dropped); sent; dropped (could not be started on time); acknowledged;
--   deliveries_expected of what was sent; delivered
WITH (SELECT min(toStartOfSecond(started_at)) FROM runs WHERE run_id = {run:String}) AS start
SELECT
  second,
  argMax(part, of_phase) AS phase,
  sum(offered_then) AS offered,
  sum(sent_then) AS sent,
  sum(dropped_then) AS dropped,
  sum(acknowledged_then) AS acknowledged,
  sum(expected_then) AS deliveries_expected,
  sum(delivered_then) AS delivered
FROM (
  SELECT
    dateDiff('second', start, toStartOfSecond(at)) AS second,
    phase AS part,
    sumIf(value, metric IN ('messages_sent', 'messages_dropped')) AS offered_then,
    sumIf(value, metric = 'messages_sent') AS sent_then,
    sumIf(value, metric = 'messages_dropped') AS dropped_then,
    sumIf(value, metric = 'messages_acknowledged') AS acknowledged_then,
    sumIf(value, metric = 'deliveries_expected') AS expected_then,
    sumIf(value, metric = 'messages_delivered') AS delivered_then,
    (offered_then, sum(value)) AS of_phase
  FROM counters
  WHERE run_id = {run:String}
    AND metric IN ('messages_sent', 'messages_dropped', 'messages_acknowledged', 'deliveries_expected', 'messages_delivered')
  GROUP BY second, part
)
GROUP BY second
ORDER BY second
