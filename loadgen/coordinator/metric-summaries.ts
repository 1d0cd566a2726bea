/** The metrics of a run, as its summary shows them. */
import { gaugeTotals } from '../recorder/gauge-totals.ts';
import type { MergedHistogram } from '../recorder/histogram.ts';
import { defaultPhase, serverCost } from '../recorder/metric-view.ts';
import { COUNTERS, GAUGES, RATE_TOTALS, RATES, TRENDS } from '../recorder/metrics.ts';
import type { RunMetrics, Selection } from '../recorder/run-metrics.ts';
import type { MetricSummary, ScenarioSummary, TrendValues } from '../recorder/summary.ts';

interface Span {
  /** ms since the epoch. */
  startMs: number;
  endMs: number;
}

/**
 * Deliveries that the steady phase was to have. A message that was not started is missed by as many as one has in the mean
 * (`fanOut`).
 */
export function offeredDeliveries(metrics: RunMetrics, fanOut: number): number {
  return metrics.counter('deliveries_expected', 'steady') + metrics.counter('messages_dropped', 'steady') * fanOut;
}

/** Trends, rates and gauges that have samples, and all counters. */
export function metricSummaries(metrics: RunMetrics, steady: Span): MetricSummary[] {
  const counters = counterSummaries(metrics, steady).filter(
    ({ name }) => name !== 'http_reqs' || metrics.expects('http_req_failed'),
  );
  const summaries = [...trendSummaries(metrics), ...counters];
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

/** One for each stream of messages, in order of appearance; none where rows do not tell streams apart. */
export function scenarioSummaries(metrics: RunMetrics, steady: Span): ScenarioSummary[] {
  return metrics.scenarios.map((scenario) => {
    const counters = counterSummaries(metrics, steady, { scenario }).filter(
      (summary) => summary.type === 'counter' && summary.values.count > 0,
    );
    return { name: scenario, metrics: [...trendSummaries(metrics, { scenario }), ...counters] };
  });
}

function trendSummaries(metrics: RunMetrics, of: Selection = {}): MetricSummary[] {
  return TRENDS.flatMap((name) => {
    const histogram = metrics.histogram(name, defaultPhase(name), of);
    if (histogram === undefined || histogram.count === 0) return [];
    const values = trendValues(histogram);
    return [{ name, type: 'trend', contains: 'time', values, histogram: histogram.toBase64() }];
  });
}

function counterSummaries(metrics: RunMetrics, { startMs, endMs }: Span, of: Selection = {}): MetricSummary[] {
  const seconds = Math.max((endMs - startMs) / 1_000, 1);
  return COUNTERS.map((name) => {
    const values = { count: metrics.counter(name, null, of), rate: metrics.counter(name, 'steady', of) / seconds };
    return { name, type: 'counter', contains: 'default', values };
  });
}

/** A bucket's upper edge, which percentiles are, can lie up to 0.1% above the largest sample: no figure shown is above it. */
function trendValues(histogram: MergedHistogram): TrendValues {
  const ms = (us: number): number => us / 1_000;
  const percentile = (percent: number): number => ms(Math.min(histogram.percentile(percent), histogram.max));
  return {
    count: histogram.count,
    avg: ms(histogram.mean),
    min: ms(histogram.min),
    med: percentile(50),
    max: ms(histogram.max),
    'p(90)': percentile(90),
    'p(95)': percentile(95),
    'p(99)': percentile(99),
    'p(99.9)': percentile(99.9),
  };
}
