/**
 * A run as an HdrHistogram log, format 1.3, which HdrHistogram's tools and log analysers of other programs read: one interval
 * histogram a second and metric, all agents merged, with the metric as its tag. Values are microseconds; Interval_Max is in
 * milliseconds, as their writers have it (value ÷ 1,000).
 */
import { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import { TRENDS } from '../../loadgen/recorder/metrics.ts';
import type { SecondLoader } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';

/** Ends with a newline. Rejects as `load` does. */
export async function renderHlog(model: ReportModel, load: SecondLoader): Promise<string> {
  const lines: Array<{ atMs: number; line: (baseMs: number) => string }> = [];
  for (const metric of TRENDS.filter((name) => model.percentiles[name])) {
    for (const interval of await load.histograms(metric)) {
      const histogram = new MergedHistogram();
      histogram.addRow(interval);
      const rest = `1.000,${(interval.maxUs / 1000).toFixed(3)},${histogram.toBase64()}`;
      const line = (baseMs: number): string => `Tag=${metric},${seconds(interval.atMs - baseMs)},${rest}`;
      lines.push({ atMs: interval.atMs, line });
    }
  }
  // Readers of a part of the log stop at the first line beyond it. The order of metrics within a second stays.
  lines.sort((a, b) => a.atMs - b.atMs);
  const baseMs = lines[0]?.atMs ?? model.summary?.phases[0]?.startMs ?? 0;
  return `${[...header(model, baseMs, lines.length), ...lines.map(({ line }) => line(baseMs))].join('\n')}\n`;
}

function header({ runId, status }: ReportModel, baseMs: number, intervals: number): string[] {
  return [
    `#[Run ${oneLine(runId)} of Plimsoll${status === 'finished' ? '' : `, ${status}`}]`,
    '#[Values: microseconds; all agents merged; Tag: the metric]',
    ...(intervals === 0 ? ['#[No latency was recorded in this run]'] : []),
    '#[Histogram log format version 1.3]',
    `#[StartTime: ${seconds(baseMs)} (seconds since epoch), ${new Date(baseMs).toUTCString()}]`,
    `#[BaseTime: ${seconds(baseMs)} (seconds since epoch)]`,
    '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
  ];
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ');
}
