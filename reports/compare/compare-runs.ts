/** Two runs, or two sets of runs, against each other. Pure: the same runs and seed give the same answer. */
import { createRandom, type Random } from '../../loadgen/random.ts';
import { TRENDS, type TrendName } from '../../loadgen/recorder/metrics.ts';
import type { RunSeconds, TrendSeconds } from '../run-seconds.ts';
import type {
  ComparedFigure,
  ComparedLoss,
  ComparedRun,
  ComparedTrend,
  Comparison,
  PercentileRow,
  Tolerance,
  UnlikeCondition,
} from './comparison.ts';
import { concludeComparison } from './conclusion.ts';
import { offeredAlike, unlikeConditions } from './conditions.ts';
import { estimateFigure, FIGURES, type Figure } from './estimate-figure.ts';
import { estimateTrend } from './estimate-trend.ts';
import { changeOf } from './interval.ts';
import { judgeLoss, SECONDS_LEAST, tooFew, verdictOf } from './judge.ts';
import type { ShortSet } from './select-runs.ts';

export interface CompareOptions {
  /** Percentiles looked at, above 0 and below 100, ascending. */
  percents: readonly number[];
  /** Latencies looked at, of those that both sides have. */
  metrics: readonly TrendName[];
  /** Rows that decide: `delivery_latency:p99`, or the name of a figure. */
  judged: readonly string[];
  tolerance: Tolerance;
  seed: number;
  /** Default 2,000: the ends of an interval of 98.75% then rest on 12 resamples each. */
  resamples?: number;
}

export interface RunsOfSide {
  label: string;
  runs: readonly RunSeconds[];
  /** Sets of which there are fewer runs than `label` asks for. Default: none. */
  short?: readonly ShortSet[];
}

const ALPHA = 0.05;
/** us: the resolution of the histograms. */
const SMALLEST_US = 1;
/** A figure of 0 counts as the other side's by so much less. */
const SMALLEST_SHARE = 10_000;

/**
 * Several rows are judged at once, and chance has as many tries: each gets α ÷ rows (Bonferroni), so that all judged
 * intervals hold together at 95%. The other rows are only looked at, at 95% each.
 */
export function compareRuns(a: RunsOfSide, b: RunsOfSide, options: CompareOptions): Comparison {
  const { percents, tolerance, seed, resamples = 2_000 } = options;
  const random = createRandom(seed);
  const metrics = TRENDS.filter((metric) => options.metrics.includes(metric) && has(a, metric) && has(b, metric));
  const judged = judgedRows(options, metrics);
  const judgedAlpha = ALPHA / Math.max(1, judged.length);
  const settings: Settings = { percents, tolerance, resamples, judged: new Set(judged), judgedAlpha };
  const decides = (metric: TrendName): number => Number(judged.some((name) => name.startsWith(`${metric}:`)));
  const trends = [...metrics]
    .sort((x, y) => decides(y) - decides(x))
    .map((metric) => compareTrend(metric, a, b, settings, random.fork(metric)));
  const alike = offeredAlike(a.runs, b.runs);
  const figures = FIGURES.flatMap((figure): ComparedFigure[] => {
    const ofA = estimateFigure(figure, a.runs, resamples, random.fork(`${figure.name} a`));
    const ofB = estimateFigure(figure, b.runs, resamples, random.fork(`${figure.name} b`));
    if (ofA === null || ofB === null) return [];
    const isJudged = settings.judged.has(figure.name);
    const common = { ...figureWords(figure), a: ofA.value, b: ofB.value, judged: isJudged };
    if (figure.name === 'throughput' && !alike) {
      const reason = 'the offered rates differ: that so many were delivered is what was asked for';
      return [{ ...common, change: null, verdict: 'not comparable', reason }];
    }
    // A side that delivered nothing still has a ratio, if not one to be taken at its word.
    const smallest = Math.max(ofA.value, ofB.value) / SMALLEST_SHARE || 1;
    const change = changeOf(ofA, ofB, isJudged ? judgedAlpha : ALPHA, smallest);
    return [
      {
        ...common,
        change,
        ...(change === null
          ? { verdict: 'no interval' as const, reason: 'each side has one figure, nothing that varies' }
          : { verdict: verdictOf(change, figure.worse, tolerance.share, 0) }),
      },
    ];
  });
  return concludeComparison({
    a: { label: a.label, runs: a.runs.map(comparedRun) },
    b: { label: b.label, runs: b.runs.map(comparedRun) },
    unlike: [...fewerRuns(a, b), ...unlikeConditions(a.runs, b.runs)],
    trends,
    figures,
    losses: compareLosses(a.runs, b.runs, tolerance),
    method: { resamples, seed, tolerance, judged, judgedAlpha, alpha: ALPHA, runToRun: runToRun(a, b) },
  });
}

function figureWords({ name, label, unit, worse }: Figure): Pick<ComparedFigure, 'name' | 'label' | 'unit' | 'worse'> {
  return { name, label, unit, worse };
}

/** Whoever relies on five runs is to see first that there was one. */
function fewerRuns(a: RunsOfSide, b: RunsOfSide): UnlikeCondition[] {
  const words = ({ short = [], runs }: RunsOfSide): string =>
    short.map(({ name, asked, found }) => `asked for ${asked} of ${name}, found ${found}`).join('; ') ||
    `${runs.length}`;
  return (a.short?.length ?? 0) + (b.short?.length ?? 0) === 0 ? [] : [{ what: 'runs', a: words(a), b: words(b) }];
}

interface Settings {
  percents: readonly number[];
  tolerance: Tolerance;
  resamples: number;
  judged: ReadonlySet<string>;
  judgedAlpha: number;
}

/** Those asked for that there are; where neither side has any of them, p50 and p99 of the first latency. */
function judgedRows({ judged, percents }: CompareOptions, metrics: readonly TrendName[]): string[] {
  const known = new Set<string>([
    ...metrics.flatMap((metric) => percents.map((percent) => `${metric}:p${percent}`)),
    ...FIGURES.map(({ name }) => name),
  ]);
  const found = judged.filter((name) => known.has(name));
  if (found.length > 0 || metrics.length === 0) return found;
  return [`${metrics[0]}:p50`, `${metrics[0]}:p99`].filter((name) => known.has(name));
}

function has({ runs }: RunsOfSide, metric: TrendName): boolean {
  return runs.some((run) => run.trends[metric] !== undefined);
}

function compareTrend(
  metric: TrendName,
  a: RunsOfSide,
  b: RunsOfSide,
  settings: Settings,
  random: Random,
): ComparedTrend {
  const { percents, resamples, judged, judgedAlpha, tolerance } = settings;
  const ofA = estimateTrend(trendsOf(a, metric), percents, resamples, random.fork('a'));
  const ofB = estimateTrend(trendsOf(b, metric), percents, resamples, random.fork('b'));
  const count = { a: ofA.count, b: ofB.count };
  const seconds = { a: ofA.seconds, b: ofB.seconds };
  const rows = percents.map((percent, index): PercentileRow => {
    const name = `p${percent}`;
    const isJudged = judged.has(`${metric}:${name}`);
    const [before, after] = [ofA.estimates[index]!, ofB.estimates[index]!];
    const row = { name, percent, a: before.value / 1000, b: after.value / 1000, judged: isJudged };
    const shortest = Math.min(seconds.a, seconds.b);
    if (metric === 'connect_latency' && shortest < SECONDS_LEAST) {
      const reason = 'connecting is over before the steady phase, in too few seconds to draw from: one figure a side';
      return { ...row, change: null, verdict: 'no interval', reason };
    }
    const reason = tooFew(percent, count, seconds);
    const inUs = reason === null ? changeOf(before, after, isJudged ? judgedAlpha : ALPHA, SMALLEST_US) : null;
    if (inUs === null) return { ...row, change: null, verdict: 'too few', ...(reason !== null && { reason }) };
    const { low, high } = inUs.differenceInterval;
    const change = {
      ...inUs,
      difference: inUs.difference / 1000,
      differenceInterval: { low: low / 1000, high: high / 1000 },
    };
    return { ...row, change, verdict: verdictOf(change, 'higher', tolerance.share, tolerance.ms) };
  });
  return { metric, count, seconds, blockSeconds: { a: ofA.blockSeconds, b: ofB.blockSeconds }, rows };
}

/** Runs of the side without a sample of it add nothing. */
export function trendsOf({ runs }: RunsOfSide, metric: TrendName): TrendSeconds[] {
  return runs.flatMap((run) => run.trends[metric] ?? []);
}

function compareLosses(a: readonly RunSeconds[], b: readonly RunSeconds[], tolerance: Tolerance): ComparedLoss[] {
  if ([...a, ...b].some(({ summary }) => summary === null)) return [];
  const sum = (runs: readonly RunSeconds[], name: 'sent' | ComparedLoss['name']): number =>
    runs.reduce((total, { summary }) => total + summary!.ledger[name], 0);
  return (['lost', 'duplicated', 'reordered'] as const).map((name) =>
    judgeLoss({ name, a: sum(a, name), b: sum(b, name), of: { a: sum(a, 'sent'), b: sum(b, 'sent') } }, tolerance),
  );
}

function runToRun(a: RunsOfSide, b: RunsOfSide): Comparison['method']['runToRun'] {
  if (a.runs.length > 1 && b.runs.length > 1) return 'in the intervals';
  return a.runs.length + b.runs.length === 2 ? 'not in the intervals' : 'taken from the other side';
}

function comparedRun({ runId, name, tags, startedAtMs, status, summary }: RunSeconds): ComparedRun {
  return { runId, name, tags, startedAtMs, status, verdict: summary?.verdict ?? null };
}
