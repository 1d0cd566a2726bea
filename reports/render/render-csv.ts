/**
 * A run as one table in long form, a row per second, metric and source, for spreadsheets and data frames: RFC 4180, UTF-8,
 * numbers with a point. Which columns a row fills depends on its kind (docs/exports.md).
 */
import { TRENDS } from '../../loadgen/recorder/metrics.ts';
import type { SecondLoader, SourceSecond } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';

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

/** Lines end with CR LF, the last one too. Rejects as `load` does. */
export async function renderCsv(model: ReportModel, load: SecondLoader): Promise<string> {
  const start = startOf(model);
  const lines: string[] = [CSV_COLUMNS.join(',')];
  const add = (atMs: number, kind: string, metric: string, source: string, figures: Array<number | string>): void => {
    const moment = [new Date(atMs).toISOString(), (atMs - start) / 1000, phaseAt(model, atMs)];
    lines.push([...moment, kind, metric, source, ...figures].map(csvCell).join(','));
  };
  for (const metric of TRENDS.filter((name) => model.percentiles[name])) {
    const seconds = await load.sources(metric);
    const several = new Set(seconds.map(({ source }) => source)).size > 2;
    for (const second of seconds) {
      if (second.source !== null && !several) continue;
      add(second.atMs, 'trend', metric, second.source ?? ALL, [...trendFigures(second), '']);
    }
  }
  for (const [metric, points] of Object.entries(model.counters))
    for (const { atMs, value } of points) add(atMs, 'counter', metric, ALL, [...NO_TREND, value]);
  for (const [metric, sources] of Object.entries(model.gauges))
    for (const [source, points] of Object.entries(sources))
      for (const { atMs, value } of points) add(atMs, 'gauge', metric, source, [...NO_TREND, value]);
  return `${lines.join('\r\n')}\r\n`;
}

function trendFigures({ count, mean, p50, p90, p95, p99, p999, max }: SourceSecond): number[] {
  return [count, Number(mean.toFixed(4)), p50, p90, p95, p99, p999, max];
}

/** The second in which the run began; of one without phases, the first of which anything is known. */
function startOf({ summary, percentiles, counters, gauges }: ReportModel): number {
  const began = summary?.phases[0]?.startMs;
  if (began !== undefined) return Math.floor(began / 1000) * 1000;
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
