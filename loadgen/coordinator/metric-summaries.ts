/** The metrics of a run, as its summary shows them. */
import { gaugeTotals } from '../recorder/gauge-totals.ts';
import type { MergedHistogram } from '../recorder/histogram.ts';
import { defaultPhase, serverCost } from '../recorder/metric-view.ts';
import { COUNTERS, GAUGES, RATE_TOTALS, RATES, TRENDS } from '../recorder/metrics.ts';
import type { RunMetrics } from '../recorder/run-metrics.ts';
import type { MetricSummary, TrendValues } from '../recorder/summary.ts';

/** Trends, rates and gauges that have samples, and all counters. `steady` in ms since the epoch. */
export function metricSummaries(metrics: RunMetrics, steady: { startMs: number; endMs: number }): MetricSummary[] {
  const steadySeconds = (steady.endMs - steady.startMs) / 1_000;
  const summaries: MetricSummary[] = [];
  for (const name of TRENDS) {
    const histogram = metrics.histogram(name, defaultPhase(name));
    if (histogram === undefined || histogram.count === 0) continue;
    summaries.push({
      name,
      type: 'trend',
      contains: 'time',
      values: trendValues(histogram),
      histogram: histogram.toBase64(),
    });
  }
  for (const name of COUNTERS) {
    if (name === 'http_reqs' && !metrics.expects('http_req_failed')) continue;
    const rate = metrics.counter(name, 'steady') / Math.max(steadySeconds, 1);
    summaries.push({
      name,
      type: 'counter',
      contains: 'default',
      values: { count: metrics.counter(name, null), rate },
    });
  }
  for (const name of RATES) {
    const passes = metrics.counter(name, 'steady');
    const total = metrics.counter(RATE_TOTALS[name], 'steady');
    if (total === 0) continue;
    summaries.push({
      name,
      type: 'rate',
      contains: 'default',
      values: { rate: passes / total, passes, fails: total - passes },
    });
  }
  for (const name of GAUGES) {
    const totals = (
      name === 'server_cpu_microseconds_per_message'
        ? serverCost(metrics, steady)
        : gaugeTotals(name, metrics.gauges(name))
    ).map(({ value }) => value);
    if (totals.length === 0) continue;
    const contains = name.includes('_bytes') ? 'data' : name.endsWith('_delay') ? 'time' : 'default';
    const values = { value: totals.at(-1)!, min: Math.min(...totals), max: Math.max(...totals) };
    summaries.push({ name, type: 'gauge', contains, values });
  }
  return summaries;
}

function trendValues(histogram: MergedHistogram): TrendValues {
  const ms = (us: number): number => us / 1_000;
  return {
    count: histogram.count,
    avg: ms(histogram.mean),
    min: ms(histogram.min),
    med: ms(histogram.percentile(50)),
    max: ms(histogram.max),
    'p(90)': ms(histogram.percentile(90)),
    'p(95)': ms(histogram.percentile(95)),
    'p(99)': ms(histogram.percentile(99)),
    'p(99.9)': ms(histogram.percentile(99.9)),
  };
}
