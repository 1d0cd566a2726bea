/**
 * A run as one table in long form, a row per second, metric and source, for spreadsheets and data frames: RFC 4180, UTF-8,
 * numbers with a point. Which columns a row fills depends on its kind (docs/exports.md).
 */
import { TRENDS } from '../../loadgen/recorder/metrics.ts';
import type { SecondLoader, SourceSecond } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';
import { loadAhead, piecesOf } from './pieces.ts';

export const CSV_COLUMNS = [
  'time',
  'seconds',
  'phase',
  'kind',
  'metric',
  'source',
  'count',
  'mean_ms',
  'p50_ms',
  'p90_ms',
  'p95_ms',
  'p99_ms',
  'p99_9_ms',
  'max_ms',
  'value',
] as const;

/** `source` of what was recorded by all together. */
const ALL = 'all';
const NO_TREND = ['', '', '', '', '', '', '', ''];

/** In chunks of whole lines. Lines end with CR LF, the last one too. Throws as `load` does. */
export async function* renderCsv(model: ReportModel, load: SecondLoader): AsyncGenerator<string> {
  const start = startOf(model);
  const line = (
    atMs: number,
    kind: string,
    metric: string,
    source: string,
    figures: Array<number | string>,
  ): string => {
    const moment = [new Date(atMs).toISOString(), (atMs - start) / 1000, phaseAt(model, atMs)];
    return `${[...moment, kind, metric, source, ...figures].map(csvCell).join(',')}\r\n`;
  };
  yield `${CSV_COLUMNS.join(',')}\r\n`;
  const metrics = TRENDS.filter((name) => model.percentiles[name]);
  const pieces = piecesOf(model);
  const loads = metrics.flatMap((metric) => pieces.map((window) => ({ metric, window })));
  const agents = Object.keys(model.gauges.agent_cpu ?? {}).length;
  for await (const { item, loaded } of loadAhead(loads, ({ metric, window }) => load.sources(metric, window))) {
    const several = agents > 1 || new Set(loaded.map(({ source }) => source)).size > 2;
    const shown = several ? loaded : loaded.filter(({ source }) => source === null);
    yield shown
      .map((second) => line(second.atMs, 'trend', item.metric, second.source ?? ALL, [...trendFigures(second), '']))
      .join('');
  }
  for (const [metric, points] of Object.entries(model.counters))
    yield points.map(({ atMs, value }) => line(atMs, 'counter', metric, ALL, [...NO_TREND, value])).join('');
  for (const [metric, sources] of Object.entries(model.gauges))
    for (const [source, points] of Object.entries(sources))
      yield points.map(({ atMs, value }) => line(atMs, 'gauge', metric, source, [...NO_TREND, value])).join('');
}

/** A bucket's upper edge, which percentiles are, can lie up to 0.1% above the largest sample: it is cut off there. */
function trendFigures({ count, mean, p50, p90, p95, p99, p999, max }: SourceSecond): number[] {
  const percentiles = [p50, p90, p95, p99, p999].map((value) => Math.min(value, max));
  return [count, Number(mean.toFixed(4)), ...percentiles, max];
}

/** The second in which the run began; of one without a summary, the first of which anything is known. */
function startOf({ summary, percentiles, counters, gauges }: ReportModel): number {
  if (summary !== null) return Math.floor(Date.parse(summary.metadata.startedAt) / 1000) * 1000;
  const series = [
    ...Object.values(percentiles),
    ...Object.values(counters),
    ...Object.values(gauges).flatMap((sources) => Object.values(sources)),
  ];
  return Math.min(...series.map((points) => points[0]!.atMs));
}

/** The phase that the middle of a second lies in; empty outside of all, and of a run that has not ended. */
function phaseAt({ summary }: ReportModel, atMs: number): string {
  const middle = atMs + 500;
  return summary?.phases.find(({ startMs, endMs }) => middle >= startMs && middle < endMs)?.phase ?? '';
}

/** As RFC 4180 has it; a text that a spreadsheet would take for a formula gets an apostrophe in front. */
export function csvCell(value: number | string): string {
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
