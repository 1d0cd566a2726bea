/** Verdicts of single rows. Pure. */
import type { ComparedLoss, RowVerdict, Tolerance } from './comparison.ts';
import type { Change } from './interval.ts';
import { normalQuantile } from './student.ts';

/** A percentile needs so many samples beyond it, and a run so many seconds, to be told from chance. */
export const SAMPLES_BEYOND_LEAST = 10;
export const SECONDS_LEAST = 10;

/**
 * Worse, or better, only if the interval excludes "no change" and the change itself is beyond the tolerance.
 * `least`: the tolerance in the unit of the difference; 0: none.
 */
export function verdictOf(change: Change, worse: 'higher' | 'lower', share: number, least: number): RowVerdict {
  const { ratio, ratioInterval, difference } = change;
  const certain = ratioInterval.low > 1 || ratioInterval.high < 1;
  const beyond = Math.abs(ratio - 1) > share && Math.abs(difference) > least;
  if (!certain || !beyond) return 'no difference seen';
  return ratio > 1 === (worse === 'higher') ? 'worse' : 'better';
}

/** Why a percentile can't be compared; null: it can. */
export function tooFew(
  percent: number,
  count: { a: number; b: number },
  seconds: { a: number; b: number },
): string | null {
  const shortest = Math.min(seconds.a, seconds.b);
  if (shortest < SECONDS_LEAST)
    return `there ${shortest === 1 ? 'is 1 second' : `are ${shortest} seconds`} of it, ${SECONDS_LEAST} are needed`;
  const needed = Math.ceil(SAMPLES_BEYOND_LEAST / (1 - percent / 100) - 1e-6);
  const fewest = Math.min(count.a, count.b);
  return fewest < needed ? `there are ${whole(fewest)} samples, p${percent} needs ${whole(needed)}` : null;
}

/**
 * Where a had none, any is a regression, and the other way round. Where both had some, their shares must differ by more than
 * the tolerance and by more than chance (two proportions, normal approximation, 95%; losses come in bunches, so that is kind).
 */
export function judgeLoss(loss: Omit<ComparedLoss, 'verdict'>, tolerance: Tolerance): ComparedLoss {
  const { a, b, of } = loss;
  if (a === 0 || b === 0) return { ...loss, verdict: a === b ? 'no difference seen' : b > 0 ? 'worse' : 'better' };
  const ratio = b / of.b / (a / of.a);
  const pooled = (a + b) / (of.a + of.b);
  const error = Math.sqrt(pooled * Math.max(0, 1 - pooled) * (1 / of.a + 1 / of.b));
  const certain = Math.abs(b / of.b - a / of.a) > normalQuantile(0.05) * error;
  if (!certain || Math.abs(ratio - 1) <= tolerance.share) return { ...loss, verdict: 'no difference seen' };
  return { ...loss, verdict: ratio > 1 ? 'worse' : 'better' };
}

function whole(count: number): string {
  return count.toLocaleString('en-US');
}
