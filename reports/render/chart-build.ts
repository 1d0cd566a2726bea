/** Parts that the charts share: a variant from its series, with the words that say what the lines show. */
import type { GaugeName } from '../../loadgen/recorder/metrics.ts';
import type { ReportModel } from '../report-model.ts';
import type { ChartSeries, ChartVariant } from './chart-model.ts';
import { type Column, compactColumn, type TimeAxis } from './chart-series.ts';
import { byteUnit, formatClock, formatNumber } from './format.ts';

export type Points = Array<{ atMs: number; value: number }>;

export function timeVariant(axis: TimeAxis, variant: Omit<ChartVariant, 'words'> & { empty: string }): ChartVariant {
  const words = variant.series
    .map((each) => ({ label: each.label, ...highest(each.values) }))
    .filter(({ index }) => index >= 0)
    .map(
      ({ label, value, index }) =>
        `${label}: highest ${`${formatNumber(value)} ${variant.unit}`.trim()} at ${formatClock(index * axis.stepSeconds)}`,
    );
  return finishVariant({ ...variant, words: words.join('; ') });
}

export function bytesVariant(axis: TimeAxis, label: string, empty: string, series: ChartSeries[]): ChartVariant {
  const { divisor, unit } = byteUnit(Math.max(0, ...series.map(({ values }) => highest(values).value)));
  const scaled = series.map((each) => ({
    ...each,
    values: each.values.map((value) => (value === null ? null : value / divisor)),
  }));
  return timeVariant(axis, { label, unit, series: scaled, empty });
}

/** Series without a value are left out; the reason for an empty chart stays only where the chart is empty. */
export function finishVariant({ empty, ...variant }: ChartVariant & { empty: string }): ChartVariant {
  const series = variant.series
    .filter(({ values }) => values.some((value) => value !== null))
    .map((each) => ({ ...each, values: compactColumn(each.values) }));
  return series.length === 0 ? { ...variant, series, words: empty, empty } : { ...variant, series };
}

export function highest(column: Column): { value: number; index: number } {
  let value = 0;
  let index = -1;
  column.forEach((each, at) => {
    if (each !== null && (index < 0 || each > value)) [value, index] = [each, at];
  });
  return { value, index };
}

export function sourcesOf(
  model: ReportModel,
  gauge: GaugeName,
  keep: (source: string) => boolean = () => true,
): Points[] {
  return Object.entries(model.gauges[gauge] ?? {})
    .filter(([source]) => keep(source))
    .map(([, points]) => points);
}
