-- Resident memory of each process, and what the kernel holds for the whole machine.
SELECT
  $__timeInterval(at) AS time,
  if(startsWith(toString(metric), 'kernel_'), replaceOne(toString(metric), '_bytes', ''), toString(source)) AS holder,
  max(value) AS bytes
FROM gauges
WHERE run_id = ${run:singlequote} AND $__timeFilter(at)
  AND metric IN ('server_rss_bytes', 'agent_rss_bytes', 'kernel_slab_bytes', 'kernel_socket_bytes')
GROUP BY time, holder
ORDER BY time
