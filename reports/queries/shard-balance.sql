-- Which shard carried how much?
-- parameter run: the run
-- columns: shard; connections_peak, connections_share of all shards; cpu_cores_mean, cpu_share; rss_peak_bytes;
--   loop_delay_worst_ms
SELECT
  source AS shard,
  maxOrNullIf(value, metric = 'connections') AS connections_peak,
  connections_peak / sum(connections_peak) OVER () AS connections_share,
  avgOrNullIf(value, metric = 'server_cpu') AS cpu_cores_mean,
  cpu_cores_mean / sum(cpu_cores_mean) OVER () AS cpu_share,
  maxOrNullIf(value, metric = 'server_rss_bytes') AS rss_peak_bytes,
  maxOrNullIf(value, metric = 'server_loop_delay') AS loop_delay_worst_ms
FROM gauges
WHERE run_id = {run:String} AND startsWith(source, 'shard-')
GROUP BY shard
ORDER BY toUInt32OrZero(substring(shard, 7)), shard
