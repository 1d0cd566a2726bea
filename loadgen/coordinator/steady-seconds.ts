/** The steady phase second by second, as the verdict looks at it. */
import type { RunMetrics } from '../recorder/run-metrics.ts';
import type { SteadySecond } from './verdict-trends.ts';

/** `steady` in ms since the epoch. Seconds in which nothing was due and nothing came are left out. */
export function steadySecondsOf(metrics: RunMetrics, steady: { startMs: number; endMs: number }): SteadySecond[] {
  const perSecond = new Map<number, { sent: number; delivered: number }>();
  for (const metric of ['deliveries_expected', 'messages_delivered'] as const) {
    for (const { atMs, value } of metrics.counterSeconds(metric)) {
      const second = perSecond.get(atMs) ?? { sent: 0, delivered: 0 };
      second[metric === 'deliveries_expected' ? 'sent' : 'delivered'] += value;
      perSecond.set(atMs, second);
    }
  }
  const rss = new Map<number, number>();
  for (const { atMs, value } of metrics.gauges('server_rss_bytes')) rss.set(atMs, (rss.get(atMs) ?? 0) + value);
  const connections = new Map<number, number>();
  for (const { atMs, source, value } of metrics.gauges('connections')) {
    if (source.startsWith('agent')) connections.set(atMs, (connections.get(atMs) ?? 0) + value);
  }
  let sent = 0;
  let delivered = 0;
  const seconds: SteadySecond[] = [];
  for (const [atMs, counts] of [...perSecond.entries()].sort(([a], [b]) => a - b)) {
    sent += counts.sent;
    delivered += counts.delivered;
    // The first and last second are cut by the phase's edges.
    if (atMs < steady.startMs || atMs + 1_000 > steady.endMs) continue;
    seconds.push({
      atMs,
      sent,
      delivered,
      serverRssBytes: rss.get(atMs) ?? null,
      connections: connections.get(atMs) ?? 0,
    });
  }
  return seconds;
}
