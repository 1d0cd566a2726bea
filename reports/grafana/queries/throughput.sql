-- Messages a second. Offered: what was due, whether it could be started on time or had to be dropped.
SELECT
  $__timeInterval(at) AS time,
  sumIf(value, metric IN ('messages_sent', 'messages_dropped')) / $__interval_s AS offered,
  sumIf(value, metric = 'messages_sent') / $__interval_s AS sent,
  sumIf(value, metric = 'messages_acknowledged') / $__interval_s AS acknowledged,
  sumIf(value, metric = 'messages_delivered') / $__interval_s AS delivered
FROM counters
WHERE run_id = ${run:singlequote} AND $__timeFilter(at)
  AND metric IN ('messages_sent', 'messages_dropped', 'messages_acknowledged', 'messages_delivered')
  AND $__conditionalAll(source IN (${agent:singlequote}), $agent)
GROUP BY time
ORDER BY time
