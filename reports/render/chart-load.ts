/** Charts of what the load met: latency and throughput over time, and the distribution of latency. */
import { type CounterName, TRENDS, type TrendName } from '../../loadgen/recorder/metrics.ts';
import type { PercentilePoint, ReportModel } from '../report-model.ts';
import { finishVariant, highest, timeVariant } from './chart-build.ts';
import { chooseDistribution, distributionColumn } from './chart-distribution.ts';
import type { Chart, ChartColour, ChartSeries, ChartVariant } from './chart-model.ts';
import { type Column, percentileColumn, rateColumn, type TimeAxis } from './chart-series.ts';
import { formatCount, formatNumber, formatRate } from './format.ts';
import { fansOut, latencyLimit } from './summary-view.ts';

const PERCENTILES: ReadonlyArray<{ pick: 'p50' | 'p90' | 'p99' | 'p999' | 'max'; label: string; colour: ChartColour }> =
  [
    { pick: 'p50', label: 'p50', colour: 'c1' },
    { pick: 'p90', label: 'p90', colour: 'c2' },
    { pick: 'p99', label: 'p99', colour: 'c3' },
    { pick: 'p999', label: 'p99.9', colour: 'c4' },
    { pick: 'max', label: 'max', colour: 'c6' },
  ];

export const LATENCIES_FIRST: readonly TrendName[] = ['delivery_latency', 'sent_latency', 'delivered_latency'];

export function latencyChart(model: ReportModel, axis: TimeAxis): Chart {
  const recorded = TRENDS.filter((metric) => (model.percentiles[metric] ?? []).length > 0);
  const metrics = [
    ...new Set([
      ...LATENCIES_FIRST.slice(0, 1),
      ...LATENCIES_FIRST.filter((each) => recorded.includes(each)),
      ...recorded,
    ]),
  ];
  return {
    id: 'latency',
    title: 'Latency over time',
    about: `${latencyStep(axis)} ${fewSamples(model.percentiles.delivery_latency ?? [])}`.trim(),
    kind: 'time',
    variants: metrics.map((metric) => {
      const points = model.percentiles[metric] ?? [];
      const limit = model.summary ? latencyLimit(model.summary, metric, 'p(99)') : null;
      return timeVariant(axis, {
        label: metric,
        unit: 'ms',
        series: PERCENTILES.map(({ pick, label, colour }) => ({
          label,
          colour,
          values: percentileColumn(axis, points, pick),
          ...(pick === 'p99' ? { width: 2 as const } : {}),
        })),
        ...(limit === null ? {} : { limit: { label: `limit of p99: ${formatNumber(limit)} ms`, value: limit } }),
        ...(needsLogarithm(points) ? { logarithmic: true as const } : {}),
        empty: latencyEmpty(metric),
      });
    }),
  };
}

export function latencyEmpty(metric: TrendName): string {
  return `No message was delivered, so there is no ${metric} to draw.`;
}

export function throughputChart(model: ReportModel, axis: TimeAxis): Chart {
  const { summary } = model;
  const rate = (name: CounterName) => rateColumn(axis, model.counters[name] ?? []);
  const some = (column: Column) => column.some((value) => value !== 0);
  const [sent, acknowledged, delivered] = [
    rate('messages_sent'),
    rate('messages_acknowledged'),
    rate('messages_delivered'),
  ];
  const fans = summary !== null && fansOut(summary.config);
  const nothing = ![sent, acknowledged, delivered, rate('messages_dropped')].some(some);
  const series = (lines: ChartSeries[]) => (nothing ? [] : lines);
  const empty = 'No message was sent in this run, so there is no throughput to draw.';
  const started: ChartSeries[] = [
    { label: 'acknowledged', colour: 'c1', values: acknowledged },
    { label: 'sent', colour: 'c2', values: sent },
    ...droppedSeries(model, axis),
  ];
  const offered = offeredSeries(model, axis, fans);
  const arrived: ChartSeries = { label: 'delivered', colour: 'c3', width: 2, values: delivered };
  return {
    id: 'throughput',
    title: 'Load offered and achieved',
    about: fans
      ? 'A message goes to several devices here: deliveries due are what the messages of a second should lead to.'
      : 'Offered is what fell due in a second, started or not; achieved is what was acknowledged and delivered of it. Rates are means of each point.',
    kind: 'time',
    variants: [
      timeVariant(axis, {
        label: 'messages per second',
        unit: 'messages/s',
        series: series([...(fans ? [] : [arrived, ...offered]), ...started, ...plannedSeries(model, axis)]),
        empty,
      }),
      ...(fans
        ? [
            timeVariant(axis, {
              label: 'deliveries per second',
              unit: 'deliveries/s',
              series: series([arrived, ...offered]),
              empty,
            }),
          ]
        : []),
      ...httpVariants(model, axis),
    ],
  };
}

/** What fell due: started, even if its user could not send it then, or dropped. Runs of older versions did not count it. */
function offeredSeries({ counters, summary }: ReportModel, axis: TimeAxis, fans: boolean): ChartSeries[] {
  const { deliveries_expected: due, messages_dropped: dropped } = counters;
  if (due === undefined || due.length === 0) return [];
  const each = summary?.config.fanOut ?? 1;
  const missed = rateColumn(axis, dropped ?? []);
  const values = rateColumn(axis, due).map((value, index) => value! + missed[index]! * each);
  return [{ label: fans ? 'deliveries due' : 'offered', colour: 'c5', width: 2, values }];
}

function droppedSeries({ counters }: ReportModel, axis: TimeAxis): ChartSeries[] {
  const dropped = counters.messages_dropped ?? [];
  if (!dropped.some(({ value }) => value > 0)) return [];
  return [{ label: 'dropped by the generator', colour: 'c4', values: rateColumn(axis, dropped) }];
}

function httpVariants({ counters }: ReportModel, axis: TimeAxis): ChartVariant[] {
  const { http_reqs: calls, http_req_failed: failed } = counters;
  if (calls === undefined) return [];
  const series: ChartSeries[] = [
    { label: 'calls', colour: 'c3', width: 2, values: rateColumn(axis, calls) },
    ...(failed ? [{ label: 'failed', colour: 'c4' as const, values: rateColumn(axis, failed) }] : []),
  ];
  return [timeVariant(axis, { label: 'HTTP calls per second', unit: 'calls/s', series, empty: '' })];
}

/** The mean that the scenario plans for the steady phase; elsewhere the line is left out. */
function plannedSeries({ summary }: ReportModel, axis: TimeAxis): ChartSeries[] {
  const steady = summary?.phases.find(({ phase }) => phase === 'steady');
  const rate = summary?.config.rateOffered ?? 0;
  if (steady === undefined || rate <= 0) return [];
  const values = Array.from({ length: axis.length }, (_, index) => {
    const atMs = axis.startMs + index * axis.stepSeconds * 1000;
    return atMs >= steady.startMs && atMs <= steady.endMs ? rate : null;
  });
  return [{ label: `planned mean, ${formatRate(rate)}`, colour: 'c6', dashed: true, values }];
}

export function distributionChart(model: ReportModel, axis: number[]): Chart {
  const offered = [...new Set([...LATENCIES_FIRST, ...TRENDS.filter((metric) => !metric.endsWith('_service'))])];
  const recorded = offered.filter((metric) => chooseDistribution(model.distributions, metric) !== undefined);
  const metrics = recorded.length > 0 ? recorded : LATENCIES_FIRST.slice(0, 1);
  return {
    id: 'distribution',
    title: 'Percentile distribution',
    about:
      'Every step to the right is ten times rarer. The gap between the two lines is what a generator that waits for answers would have hidden.',
    kind: 'distribution',
    variants: metrics.map((metric) => {
      const intended = chooseDistribution(model.distributions, metric);
      const service = chooseDistribution(model.distributions, `${metric}_service` as TrendName);
      const limit = model.summary ? latencyLimit(model.summary, metric, 'p(99)') : null;
      const series: ChartSeries[] = [];
      if (intended)
        series.push({
          label: service ? 'from the intended send time' : metric,
          colour: 'c3',
          width: 2,
          values: distributionColumn(axis, intended),
        });
      if (service) series.push({ label: 'service time', colour: 'c1', values: distributionColumn(axis, service) });
      return {
        ...finishVariant({
          label: metric,
          unit: 'ms',
          series,
          words: series
            .map(({ label, values }) => `${label}: at most ${formatNumber(highest(values).value)} ms`)
            .join('; '),
          empty: `No ${metric} was recorded, so its distribution is not known.`,
        }),
        ...(limit === null ? {} : { limit: { label: `limit of p99: ${formatNumber(limit)} ms`, value: limit } }),
      };
    }),
  };
}

/** A straight axis would press the lines of everyday onto the floor when single outliers stand 30 times higher. */
function needsLogarithm(points: PercentilePoint[]): boolean {
  const typical = median(points.map((point) => point.p50));
  return points.reduce((max, point) => Math.max(max, point.max), 0) > 30 * typical;
}

function latencyStep({ stepSeconds }: TimeAxis): string {
  if (stepSeconds === 1) return 'Each point is one second, all agents merged.';
  return `Each point is the worst second of ${stepSeconds}, all agents merged.`;
}

/** In n samples no percentile beyond 1 − 1/n differs from the maximum; readers wonder about lines that coincide. */
function fewSamples(points: PercentilePoint[]): string {
  const typical = median(points.map(({ count }) => count));
  if (typical === 0 || typical >= 1000) return '';
  const same = typical < 100 ? 'p99, p99.9 and the maximum are' : 'p99.9 and the maximum are';
  return `A second holds about ${formatCount(typical)} samples here, so ${same} often one and the same sample.`;
}

function median(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
