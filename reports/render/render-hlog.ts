/**
 * A run as an HdrHistogram log, format 1.3, which HdrHistogram's tools and log analysers of other programs read: one interval
 * histogram a second and metric, all agents merged, with the metric as its tag. Values are microseconds; Interval_Max is in
 * milliseconds, as their writers have it (value ÷ 1,000).
 */
import { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import { TRENDS, type TrendName } from '../../loadgen/recorder/metrics.ts';
import type { IntervalHistogram, SecondLoader } from '../interval-histogram.ts';
import type { ReportModel } from '../report-model.ts';
import { SAMPLES_GONE, samplesGone } from '../samples-gone.ts';
import { loadAhead, piecesOf } from './pieces.ts';

/** In chunks, the last of which ends with a newline. Throws as `load` does. */
export async function* renderHlog(model: ReportModel, load: SecondLoader): AsyncGenerator<string> {
  const metrics = TRENDS.filter((name) => model.percentiles[name]);
  const pieces = piecesOf(model);
  const baseMs = pieces[0]?.fromMs ?? model.summary?.phases[0]?.startMs ?? 0;
  yield `${header(model, baseMs, pieces.length > 0).join('\n')}\n`;
  // Readers of a part of the log stop at the first line beyond it: all metrics of a piece stand in the order of time.
  const loads = pieces.flatMap((window) => metrics.map((metric) => ({ metric, window })));
  let lines: Array<{ atMs: number; line: string }> = [];
  for await (const { item, loaded } of loadAhead(loads, ({ metric, window }) => load.histograms(metric, window))) {
    for (const interval of loaded) lines.push({ atMs: interval.atMs, line: lineOf(item.metric, interval, baseMs) });
    if (item.metric !== metrics.at(-1)) continue;
    lines.sort((a, b) => a.atMs - b.atMs);
    yield lines.map(({ line }) => line).join('');
    lines = [];
  }
}

function lineOf(metric: TrendName, interval: IntervalHistogram, baseMs: number): string {
  const histogram = new MergedHistogram();
  histogram.addRow(interval);
  const most = (interval.maxUs / 1000).toFixed(3);
  return `Tag=${metric},${seconds(interval.atMs - baseMs)},1.000,${most},${histogram.toBase64()}\n`;
}

function header(model: ReportModel, baseMs: number, recorded: boolean): string[] {
  const { runId, status } = model;
  return [
    `#[Run ${oneLine(runId)} of Plimsoll${status === 'finished' ? '' : `, ${status}`}]`,
    '#[Values: microseconds; all agents merged; Tag: the metric]',
    ...(samplesGone(model) ? [`#[${SAMPLES_GONE}]`] : recorded ? [] : ['#[No latency was recorded in this run]']),
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
