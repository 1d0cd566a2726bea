/** The verdict of a whole comparison, in a sentence, and what must be said beside it. Pure. */
import type { ComparedRow, Comparison, ComparisonVerdict } from './comparison.ts';
import type { Change } from './interval.ts';

/** Of a run, before from-run-to-run variance can be told from what changed. */
const RUNS_LEAST = 3;
/** Of rows that decide nothing. */
const SEEMING_SHOWN = 3;

export function concludeComparison(
  parts: Omit<Comparison, 'verdict' | 'sentence' | 'obstacles' | 'remarks'>,
): Comparison {
  const rows = judgedRows(parts);
  const lost = parts.losses.filter(({ verdict }) => verdict === 'worse');
  const worse = rows.filter(({ row }) => row.verdict === 'worse');
  const better = rows.filter(({ row }) => row.verdict === 'better');
  const obstacles = [...inconclusiveRuns(parts), ...unjudgedRows(rows)];
  const certain = lost.length > 0 || (worse.length > 0 && inconclusiveRuns(parts).length === 0);
  const verdict: ComparisonVerdict = certain
    ? 'worse'
    : obstacles.length > 0
      ? 'not judged'
      : better.length > 0
        ? 'better'
        : 'no difference seen';
  const told = verdict === 'worse' ? worse : better;
  const sentence = {
    worse: () => `b is worse than a: ${[...lost.map(lossText), ...changeTexts(told)].join('; ')}.`,
    better: () => `b is better than a: ${changeTexts(told).join('; ')}.`,
    'no difference seen': () => nothingSeen(rows),
    'not judged': () => `Whether b is worse than a could not be judged: ${obstacles.join('; ')}.`,
  }[verdict]();
  return {
    ...parts,
    verdict,
    sentence,
    obstacles: verdict === 'not judged' ? obstacles : [],
    remarks: remarksOf(parts),
  };
}

interface JudgedRow {
  name: string;
  row: ComparedRow;
  worse: 'higher' | 'lower';
}

function judgedRows({ trends, figures }: Pick<Comparison, 'trends' | 'figures'>): JudgedRow[] {
  return allRows({ trends, figures }).filter(({ row }) => row.judged);
}

function inconclusiveRuns({ a, b }: Pick<Comparison, 'a' | 'b'>): string[] {
  return [...a.runs, ...b.runs]
    .filter(({ verdict }) => verdict === 'inconclusive')
    .map(({ runId }) => `run ${runId} is inconclusive, its load generator or machine was the limit`);
}

function unjudgedRows(rows: JudgedRow[]): string[] {
  if (rows.length === 0) return ['nothing that was to be judged was measured on both sides'];
  return rows.filter(({ row }) => row.change === null).map(({ name, row }) => `${name}: ${row.reason ?? row.verdict}`);
}

function lossText({ name, a, b }: { name: string; a: number; b: number }): string {
  return `${b} ${b === 1 ? 'message' : 'messages'} ${name} where a had ${a === 0 ? 'none' : a}`;
}

/** The two greatest, and how many more. */
function changeTexts(rows: JudgedRow[]): string[] {
  const size = ({ row }: JudgedRow): number => Math.abs(Math.log(row.change!.ratio));
  const greatest = [...rows]
    .sort((x, y) => size(y) - size(x))
    .slice(0, 2)
    .map(changeText);
  const more = rows.length - greatest.length;
  return more === 0 ? greatest : [...greatest, `and ${more} more of what is judged`];
}

function changeText({ name, row }: JudgedRow): string {
  const { ratio, ratioInterval } = row.change!;
  return `${name} changed by ${signedPercent(ratio)} (${signedPercent(ratioInterval.low)} to ${signedPercent(ratioInterval.high)})`;
}

/** What could have hidden: the end of the widest judged interval that lies on the worse side. */
function nothingSeen(rows: JudgedRow[]): string {
  const known = rows.filter(({ row }) => row.change !== null);
  const worst = known.reduce((most, each) => (badEnd(each) > badEnd(most) ? each : most));
  const { low, high } = worst.row.change!.ratioInterval;
  if (tellsNothing(worst.row.change!))
    return `No difference was seen beyond the tolerance, but of ${worst.name} these runs can tell nothing: longer runs, or more of them, would.`;
  return `No difference was seen beyond the tolerance; one of ${signedPercent(low)} to ${signedPercent(high)} (${worst.name}) would fit these runs as well.`;
}

/** Above 1, whichever way is worse. */
function badEnd({ row, worse }: JudgedRow): number {
  const { low, high } = row.change!.ratioInterval;
  return worse === 'higher' ? high : 1 / low;
}

function remarksOf(
  parts: Pick<Comparison, 'a' | 'b' | 'method' | 'losses' | 'trends' | 'figures' | 'unlike'>,
): string[] {
  const { a, b, method, losses } = parts;
  const sentences: string[] = [];
  const runs = parts.unlike.find(({ what }) => what === 'runs');
  if (runs !== undefined) sentences.push(`There are fewer runs than were asked for: a ${runs.a}, b ${runs.b}.`);
  if (method.runToRun === 'not in the intervals') {
    sentences.push(
      `There is one run on each side: the intervals hold what seconds of these two runs vary by, not what one run differs from the next by, which is often more. Compare ${RUNS_LEAST} runs or more on each side before you rely on a small difference.`,
    );
  } else if (method.runToRun === 'taken from the other side') {
    sentences.push('One side has a single run: it is taken to vary from run to run as those of the other side do.');
  } else if (Math.min(a.runs.length, b.runs.length) < RUNS_LEAST) {
    sentences.push(
      `With two runs on a side, how much runs vary is hardly known and the intervals are wide: ${RUNS_LEAST} or more serve better.`,
    );
  }
  const cut = [...a.runs, ...b.runs].filter(({ status }) => status !== 'finished');
  for (const { runId, status } of cut) {
    sentences.push(
      status === 'running'
        ? `Run ${runId} has not ended: it is compared as far as it got.`
        : `Run ${runId} was cut short and never judged: it is compared as far as it was recorded, and whether its load generator was the limit is not known.`,
    );
  }
  if (losses.length === 0 && cut.length > 0)
    sentences.push('Lost, duplicated and reordered messages are not compared: a run that was cut short has no ledger.');
  const seeming = allRows(parts)
    .filter(({ row }) => !row.judged && row.verdict === 'worse')
    .map(({ name }) => name);
  if (seeming.length > 0) {
    const more = seeming.length - SEEMING_SHOWN;
    const named = [...seeming.slice(0, SEEMING_SHOWN), ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
    sentences.push(`Of the rows that are only looked at, ${named} would be worse.`);
  }
  return sentences;
}

function allRows({ trends, figures }: Pick<Comparison, 'trends' | 'figures'>): JudgedRow[] {
  return [
    ...trends.flatMap(({ metric, rows }) =>
      rows.map((row): JudgedRow => ({ name: `${row.name} of ${metric}`, row, worse: 'higher' })),
    ),
    ...figures.map((row): JudgedRow => ({ name: row.label, row, worse: row.worse })),
  ];
}

/** An interval in which a tenth and tenfold both lie says only that there are too few independent seconds. */
export function tellsNothing({ ratioInterval: { low, high } }: Change): boolean {
  return low < 0.1 && high > 10;
}

/** `+12.3%`, `−4%`, `no change`. */
export function signedPercent(ratio: number): string {
  const percent = (ratio - 1) * 100;
  const digits = Math.abs(percent) >= 100 ? 0 : Math.abs(percent) >= 10 ? 1 : 2;
  const text = String(Number(Math.abs(percent).toFixed(digits)));
  if (Number(text) === 0) return '0%';
  return `${percent > 0 ? '+' : '−'}${text.replace(/\B(?=(\d{3})+(?!\d))/g, digits === 0 ? ',' : '')}%`;
}
