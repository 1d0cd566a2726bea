/** Every metric as a number, in tables. */
import { DESCRIPTIONS, type MetricName, TRENDS } from '../../loadgen/recorder/metrics.ts';
import type {
  CounterMetric,
  GaugeMetric,
  RateMetric,
  RunSummary,
  TrendMetric,
} from '../../loadgen/recorder/summary.ts';
import type { Distribution, ReportModel } from '../report-model.ts';
import { percentileOf } from './chart-distribution.ts';
import { formatCount, formatMsCell, formatPercent, formatRate } from './format.ts';
import { escapeHtml, htmlSection, htmlTable } from './html-text.ts';
import { formatMetricValue, scenarioRows } from './summary-view.ts';

export function metricSection(model: ReportModel): string {
  const tables = model.summary === null ? recordedTables(model) : judgedTables(model.summary);
  const shown = tables.filter(({ rows }) => rows.length > 0);
  const body = shown.map(
    ({ title, lead, header, rows }) =>
      `<h3>${title}</h3>\n<p class="lead">${lead}</p>\n${title.startsWith('Latencies') ? `<div class="stacked">${htmlTable(title, header, rows, 1, true)}</div>` : htmlTable(title, header, rows)}`,
  );
  return htmlSection('metrics', 'All metrics', body.length === 0 ? '<p>Nothing was recorded.</p>' : body.join('\n'));
}

/** The one that counts most first, service times last. */
const METRIC_ORDER: readonly MetricName[] = [
  'delivery_latency',
  'sent_latency',
  'delivered_latency',
  ...TRENDS.slice(TRENDS.indexOf('fanout_latency')),
  'connect_latency',
];

interface MetricTable {
  title: string;
  lead: string;
  header: string[];
  rows: string[][];
}

function judgedTables(summary: RunSummary): MetricTable[] {
  const { metrics } = summary.results;
  const columns = ['avg', 'min', 'med', 'p(90)', 'p(95)', 'p(99)', 'p(99.9)', 'max'] as const;
  const trends = metrics
    .filter((metric): metric is TrendMetric => metric.type === 'trend')
    .sort((a, b) => METRIC_ORDER.indexOf(a.name) - METRIC_ORDER.indexOf(b.name));
  const counters = metrics.filter((metric): metric is CounterMetric => metric.type === 'counter');
  const rates = metrics.filter((metric): metric is RateMetric => metric.type === 'rate');
  const gauges = metrics.filter((metric): metric is GaugeMetric => metric.type === 'gauge');
  return [
    {
      title: 'Latencies',
      lead: 'Milliseconds, steady phase only; connecting over the whole run.',
      header: ['Metric', 'Samples', ...columns.map((column) => column.replace(/[()]/g, ''))],
      rows: trends.map(({ name, values }) => [
        metricCell(name),
        formatCount(values.count),
        ...columns.map((column) => (values.count === 0 ? '–' : formatMsCell(values[column]))),
      ]),
    },
    {
      title: 'Latencies of each scenario',
      lead: 'Milliseconds from the intended send time, steady phase only.',
      header: ['Scenario', 'Metric', 'Samples', ...columns.map((column) => column.replace(/[()]/g, ''))],
      rows: scenarioRows(summary).map(({ scenario, label, values }) => [
        escapeHtml(scenario),
        escapeHtml(label),
        formatCount(values.count),
        ...columns.map((column) => formatMsCell(values[column])),
      ]),
    },
    {
      title: 'Shares',
      lead: 'Of the steady phase.',
      header: ['Metric', 'Share', 'Count', 'Of'],
      rows: rates.map(({ name, values: { rate, passes, fails } }) => [
        metricCell(name),
        formatPercent(rate),
        formatCount(passes),
        formatCount(passes + fails),
      ]),
    },
    {
      title: 'Counts',
      lead: 'Totals over the whole run; rates of the steady phase.',
      header: ['Metric', 'Total', 'Rate'],
      rows: counters.map(({ name, values }) => [metricCell(name), formatCount(values.count), formatRate(values.rate)]),
    },
    {
      title: 'Levels',
      lead: 'All processes of a kind together.',
      header: ['Metric', 'Last', 'Lowest', 'Highest'],
      rows: gauges.map(({ name, values }) => [
        metricCell(name),
        ...[values.value, values.min, values.max].map((value) => formatMetricValue(name, 'value', value)),
      ]),
    },
  ];
}

/** What an unfinished run left behind, without judging it. */
function recordedTables(model: ReportModel): MetricTable[] {
  const shares = [0.5, 0.9, 0.95, 0.99, 0.999];
  const recorded = model.distributions.filter(({ count }) => count > 0);
  return [
    {
      title: 'Latencies',
      lead: 'Milliseconds, as far as they were recorded.',
      header: ['Metric', 'Phase', 'Samples', 'med', 'p90', 'p95', 'p99', 'p99.9', 'max'],
      rows: recorded.map((each: Distribution) => [
        metricCell(each.metric),
        each.phase,
        formatCount(each.count),
        ...shares.map((share) => formatMsCell(percentileOf(each, share))),
        formatMsCell(each.maxMs),
      ]),
    },
    {
      title: 'Counts',
      lead: 'Totals until the last second that was recorded.',
      header: ['Metric', 'Total'],
      rows: Object.entries(model.counters).map(([name, points]) => [
        metricCell(name),
        formatCount(points.reduce((total, { value }) => total + value, 0)),
      ]),
    },
  ];
}

function metricCell(name: string): string {
  const description = DESCRIPTIONS[name as MetricName] ?? '';
  return `<code>${escapeHtml(name)}</code><span class="what">${escapeHtml(description)}</span>`;
}
