/** The charts of a comparison: a and b over each other, seconds counted from the start of each run's steady phase. */
import { createRandom } from '../../loadgen/random.ts';
import { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import type { TrendName } from '../../loadgen/recorder/metrics.ts';
import { type Band, bandOf } from '../compare/bands.ts';
import { type RunsOfSide, trendsOf } from '../compare/compare-runs.ts';
import type { Comparison } from '../compare/comparison.ts';
import type { Distribution } from '../report-model.ts';
import type { RunSeconds, TrendSeconds } from '../run-seconds.ts';
import { distributionAxis, distributionColumn } from './chart-distribution.ts';
import type { Chart, ChartColour, ChartData, ChartSeries, ChartVariant, FaultMark } from './chart-model.ts';
import { type Column, compactColumn } from './chart-series.ts';
import { formatCount, formatMs } from './format.ts';

/** Told apart by those who see few colours, in light and in dark. */
export const SIDE_COLOURS = { a: 'c5', b: 'c3' } as const satisfies Record<string, ChartColour>;

const POINTS_MAX = 900;

export function compareCharts(comparison: Comparison, a: RunsOfSide, b: RunsOfSide): ChartData {
  const sides = { a, b };
  const seconds = Math.max(1, ...[...a.runs, ...b.runs].map((run) => run.seconds));
  const step = Math.ceil(seconds / POINTS_MAX);
  const time = { step, length: Math.ceil(seconds / step) };
  const metrics = comparison.trends.map(({ metric }) => metric);
  const most = Math.max(0, ...comparison.trends.map(({ count }) => Math.max(count.a, count.b)));
  const distribution = distributionAxis(most);
  return {
    time,
    distribution,
    phases: [],
    faults: faultMarks(a, b),
    charts: [
      ...(metrics.length === 0
        ? []
        : [latencyChart(comparison, sides, time), distributionChart(comparison, sides, distribution)]),
      ...rateCharts(sides, time),
    ],
  };
}

interface Sides {
  a: RunsOfSide;
  b: RunsOfSide;
}

interface Time {
  step: number;
  length: number;
}

function latencyChart(comparison: Comparison, sides: Sides, time: Time): Chart {
  const each = time.step === 1 ? 'each second' : `each ${time.step} s`;
  const variants = comparison.trends
    .filter(({ metric }) => metric !== 'connect_latency')
    .map(({ metric, rows }): ChartVariant => {
      const columns = {
        a: percentileColumns(trendsOf(sides.a, metric), time),
        b: percentileColumns(trendsOf(sides.b, metric), time),
      };
      const series = (name: 'a' | 'b'): ChartSeries[] => [
        { label: `${name} p99`, colour: SIDE_COLOURS[name], values: columns[name].p99, width: 2 },
        { label: `${name} p50`, colour: SIDE_COLOURS[name], values: columns[name].p50, dashed: true },
      ];
      return { label: metric, unit: 'ms', series: [...series('b'), ...series('a')], words: wordsOf(metric, rows) };
    });
  const none: ChartVariant = {
    label: 'latency',
    unit: 'ms',
    series: [],
    words: 'Nothing to draw.',
    empty: 'Only connections were measured on both sides.',
  };
  return {
    id: 'latency',
    title: 'Latency',
    about: `Percentiles of ${each} of the steady phase, by the second of receipt; of several runs, merged. Both begin where their steady phase begins.`,
    kind: 'time',
    variants: variants.length === 0 ? [none] : preferred(variants),
  };
}

function distributionChart(comparison: Comparison, sides: Sides, axis: number[]): Chart {
  const random = createRandom(comparison.method.seed).fork('bands');
  const variants = comparison.trends.map(({ metric, rows }): ChartVariant => {
    const line = (name: 'a' | 'b'): ChartSeries => ({
      label: name,
      colour: SIDE_COLOURS[name],
      width: 2,
      values: compactColumn(distributionColumn(axis, merged(metric, trendsOf(sides[name], metric)))),
    });
    const band = (name: 'a' | 'b') => ({
      colour: SIDE_COLOURS[name],
      ...columnsOfBand(axis, bandOf(trendsOf(sides[name], metric), random.fork(`${metric} ${name}`))),
    });
    return {
      label: metric,
      unit: 'ms',
      series: [line('b'), line('a')],
      bands: [band('a'), band('b')],
      words: wordsOf(metric, rows),
    };
  });
  return {
    id: 'distribution',
    title: 'Percentile distribution',
    about:
      'Shaded: 95% intervals of each side, as far as 10 samples lie beyond. Intervals that overlap do not rule out a difference: the interval of the change, above, decides.',
    kind: 'distribution',
    variants: preferred(variants),
  };
}

function rateCharts(sides: Sides, time: Time): Chart[] {
  const chart = (
    id: string,
    title: string,
    unit: string,
    about: string,
    of: (run: RunSeconds) => Float64Array | undefined,
  ): Chart[] => {
    const line = (name: 'a' | 'b'): ChartSeries => ({
      label: name,
      colour: SIDE_COLOURS[name],
      width: 2,
      values: meanColumn(sides[name].runs, time, of),
    });
    const series = [line('b'), line('a')];
    if (series.some(({ values }) => values.every((value) => value === null))) return [];
    const words = `${title}, a and b over the seconds of the steady phase.`;
    return [{ id, title, about, kind: 'time', variants: [{ label: title, unit, series, words }] }];
  };
  return [
    ...chart(
      'rate',
      'Delivered',
      'messages/s',
      'Of several runs, the mean.',
      ({ counters }) => counters.messages_delivered ?? counters.http_reqs,
    ),
    ...chart(
      'cpu',
      'Server CPU',
      'cores',
      'All server processes together; of several runs, the mean.',
      ({ gauges }) => gauges.server_cpu,
    ),
  ];
}

/** What people look at first comes first. */
function preferred(variants: ChartVariant[]): ChartVariant[] {
  return [...variants].sort((x, y) => Number(y.label === 'delivery_latency') - Number(x.label === 'delivery_latency'));
}

function wordsOf(metric: string, rows: Comparison['trends'][number]['rows']): string {
  return `${metric}, a and b: ${rows.map(({ name, a, b }) => `${name} ${formatMs(a)} and ${formatMs(b)}`).join(', ')}.`;
}

function percentileColumns(trends: readonly TrendSeconds[], { step, length }: Time): { p50: Column; p99: Column } {
  const p50: Column = [];
  const p99: Column = [];
  for (let point = 0; point < length; point++) {
    const histogram = new MergedHistogram();
    for (const { starts, values, counts } of trends) {
      const last = starts.length - 1;
      const from = starts[Math.min(point * step, last)]!;
      const to = starts[Math.min((point + 1) * step, last)]!;
      addBuckets(histogram, values.subarray(from, to), counts.subarray(from, to));
    }
    const empty = histogram.count === 0;
    p50.push(empty ? null : histogram.percentile(50) / 1000);
    p99.push(empty ? null : histogram.percentile(99) / 1000);
  }
  return { p50: compactColumn(p50), p99: compactColumn(p99) };
}

/** In any order, of any number of seconds: only the counts matter here. */
function addBuckets(histogram: MergedHistogram, values: Uint32Array, counts: Float64Array): void {
  const count = counts.reduce((sum, each) => sum + each, 0);
  histogram.addRow({ count, sumUs: 0, minUs: 0, maxUs: 0, values, counts });
}

function merged(metric: TrendName, trends: readonly TrendSeconds[]): Distribution {
  const histogram = new MergedHistogram();
  for (const { values, counts } of trends) addBuckets(histogram, values, counts);
  const { values, counts } = histogram.buckets();
  const maxUs = Math.max(...trends.map((trend) => trend.maxUs));
  return {
    metric,
    phase: 'steady',
    count: histogram.count,
    maxMs: maxUs / 1000,
    values: values.map((value) => value / 1000),
    counts,
  };
}

/** Between the band's points the axis has more: on straight lines in the logarithms. */
function columnsOfBand(axis: number[], { x, low, high }: Band): { low: Column; high: Column } {
  const at = (column: number[], value: number): number | null => {
    const above = x.findIndex((each) => each >= value * 0.999999);
    if (above < 0) return null;
    const below = Math.max(0, above - 1);
    const share = above === below ? 0 : Math.log(value / x[below]!) / Math.log(x[above]! / x[below]!);
    return column[below]! * (column[above]! / column[below]!) ** share;
  };
  return {
    low: compactColumn(axis.map((value) => at(low, value))),
    high: compactColumn(axis.map((value) => at(high, value))),
  };
}

function meanColumn(
  runs: readonly RunSeconds[],
  { step, length }: Time,
  of: (run: RunSeconds) => Float64Array | undefined,
): Column {
  return compactColumn(
    Array.from({ length }, (_, point) => {
      const values = runs.flatMap((run) => {
        const from = Math.max(point * step, run.whole.from);
        return [...(of(run)?.subarray(from, Math.min((point + 1) * step, run.whole.to)) ?? [])].filter(Number.isFinite);
      });
      return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
    }),
  );
}

/** Of the first run of each side; what b has at the same time as a stands there once. */
function faultMarks(a: RunsOfSide, b: RunsOfSide): FaultMark[] {
  const marks = [...(b.runs[0]?.summary?.faults ?? []), ...(a.runs[0]?.summary?.faults ?? [])].map(
    ({ kind, atSeconds, forSeconds = 0 }) => ({
      name: kind,
      from: atSeconds,
      to: atSeconds + forSeconds,
    }),
  );
  const seen = new Set<string>();
  return marks.filter(({ name, from }) => {
    const key = `${name} ${formatCount(from)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
