/** Words and figures of a comparison that its text, Markdown and page share. */
import type { ComparedFigure, ComparedRow, ComparedSide, ComparedTrend, Comparison } from '../compare/comparison.ts';
import { signedPercent, tellsNothing } from '../compare/conclusion.ts';
import { formatBytes, formatCount, formatDuration, formatMsCell, formatNumber } from './format.ts';

export const COMPARISON_LABELS: Record<Comparison['verdict'], string> = {
  worse: 'WORSE',
  better: 'BETTER',
  'no difference seen': 'NO DIFFERENCE SEEN',
  'not judged': 'NOT JUDGED',
};

export interface RowView {
  name: string;
  a: string;
  b: string;
  /** `+12.3%`; empty where nothing can be said. */
  change: string;
  interval: string;
  verdict: ComparedRow['verdict'];
  judged: boolean;
  reason: string;
}

export function trendRows({ rows }: ComparedTrend): RowView[] {
  return rows.map((row) => view(row, row.name, formatMsCell));
}

export function figureRows({ figures }: Comparison): RowView[] {
  return figures.map((row) => view(row, row.label, (value) => formatFigure(row.unit, value)));
}

export function lossRows({
  losses,
}: Comparison): Array<{ name: string; a: string; b: string; verdict: ComparedRow['verdict'] }> {
  return losses.map(({ name, a, b, of, verdict }) => ({
    name,
    a: `${formatCount(a)} of ${formatCount(of.a)}`,
    b: `${formatCount(b)} of ${formatCount(of.b)}`,
    verdict,
  }));
}

function view(row: ComparedRow, name: string, format: (value: number) => string): RowView {
  const { change, a, b, verdict, judged, reason = '' } = row;
  return {
    name,
    a: format(a),
    b: format(b),
    change:
      change === null ? (verdict !== 'too few' && a > 0 ? signedPercent(b / a) : '') : signedPercent(change.ratio),
    interval:
      change === null
        ? ''
        : tellsNothing(change)
          ? 'cannot tell'
          : `${signedPercent(change.ratioInterval.low)} to ${signedPercent(change.ratioInterval.high)}`,
    verdict,
    judged,
    reason,
  };
}

function formatFigure(unit: ComparedFigure['unit'], value: number): string {
  if (unit === 'bytes') return formatBytes(value);
  return unit === 'us' ? `${formatNumber(value)} µs` : `${formatNumber(value)}/s`;
}

/** `nightly~5: 5 runs` or the run itself. */
export function sideText({ label, runs }: ComparedSide): string {
  const verdicts = [...new Set(runs.map(({ verdict, status }) => verdict ?? status))].join(', ');
  if (runs.length === 1) return `${runs[0]!.runId} (${verdicts})`;
  return `${label}: ${runs.length} runs (${verdicts}), ${runs.map(({ runId }) => runId).join(', ')}`;
}

/** How the intervals were made, in sentences. */
export function methodSentences({ method, trends, figures }: Comparison): string[] {
  const { resamples, seed, tolerance, judged, judgedAlpha, alpha } = method;
  const level = (one: number): string => `${Number(((1 - one) * 100).toFixed(2))}%`;
  const rows = [...trends.flatMap((trend) => trend.rows), ...figures];
  const looked = rows.filter((row) => !row.judged && row.change !== null).length;
  const blocks = trends.flatMap(({ blockSeconds }) => [blockSeconds.a, blockSeconds.b]);
  const tenths = blocks.map((seconds) => formatDuration(Math.round(seconds * 10) / 10));
  const [shortest, longest] = [
    tenths[blocks.indexOf(Math.min(...blocks))],
    tenths[blocks.indexOf(Math.max(...blocks))],
  ];
  const range = shortest === longest ? shortest : `${shortest} to ${longest}`;
  const length = blocks.length === 0 ? '' : ` of ${range} in the mean`;
  const beyond = [
    `${formatNumber(tolerance.share * 100)}%`,
    ...(tolerance.ms > 0 ? [`${formatNumber(tolerance.ms)} ms`] : []),
  ];
  return [
    `Worse or better means: the interval excludes no change, and the change is beyond the tolerance of ${beyond.join(' and ')}.`,
    judged.length === 0
      ? 'No row decides about the whole.'
      : `Judged, marked *: ${judged.join(', ')}. Their intervals, at ${level(judgedAlpha)} each, hold together at ${level(alpha)} (Bonferroni); all others at ${level(alpha)} on their own.`,
    ...(looked < 10
      ? []
      : [
          `${looked} rows are only looked at: of so many, about ${Math.max(1, Math.round(looked / 20))} would lie outside their interval by chance alone.`,
        ]),
    `Intervals are from ${formatCount(resamples)} resamples of the steady phase’s seconds, drawn in blocks${length} (stationary bootstrap), seed ${seed}.`,
  ];
}
