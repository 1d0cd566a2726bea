/**
 * When to send: pure, seedable sequences of intended times (the idea of Hyperfoil's FireTimeSequence). They know nothing of
 * clocks, users or sockets, and they do not wait for anything: the model is open.
 */
import type { Random } from '../random.ts';
import type { RateCurve } from './rate-curve.ts';

export interface FireTimes {
  /** The next intended time, ms since the start, never before the one before; Infinity at the end, and from then on. */
  next(): number;
}

/**
 * - `constant`: evenly spaced at the current rate, the first event half a gap after the start.
 * - `poisson`: exponential gaps, independent users.
 * - `lognormal`: lognormal gaps (sigma 1), burstier than Poisson, as measured chat traffic is.
 */
export type Arrivals = 'constant' | 'poisson' | 'lognormal';

/** Events from one gap to the next; the mean gap is 1. */
interface Gaps {
  first(): number;
  next(): number;
}

const LOGNORMAL_SIGMA = 1;

/** The fire times of a whole rate curve. `random` is not drawn from when arrivals are constant. */
export function createFireTimes(curve: RateCurve, arrivals: Arrivals, random: Random): FireTimes {
  const gaps = { constant: constantGaps, poisson: poissonGaps, lognormal: lognormalGaps }[arrivals](random);
  let events: number | undefined;
  return {
    next() {
      events = events === undefined ? gaps.first() : events + gaps.next();
      return curve.timeOf(events);
    },
  };
}

/**
 * One segment's part of a sequence: events index, index + of, index + 2·of, … Every segment walks the same seeded sequence
 * and keeps its own, so the union over all segments is the whole, event by event, however many there are.
 */
export function segmentFireTimes(whole: FireTimes, segment: { index: number; of: number }): FireTimes {
  let skip = segment.index;
  return {
    next() {
      for (; skip > 0; skip--) {
        if (whole.next() === Number.POSITIVE_INFINITY) return Number.POSITIVE_INFINITY;
      }
      skip = segment.of - 1;
      return whole.next();
    },
  };
}

/** Each event in the middle of its own unit of Λ: half a gap at both ends, also where a ramp begins or ends at rate 0. */
function constantGaps(): Gaps {
  return { first: () => 0.5, next: () => 1 };
}

function poissonGaps(random: Random): Gaps {
  return { first: () => random.exponential(), next: () => random.exponential() };
}

/**
 * Mean exp(mu + sigma² ÷ 2) = 1. The first gap is what remains of a gap already under way (a uniform part of a length-biased
 * gap, which for a lognormal is lognormal again with mu + sigma²), so that the expected count is exact from the start.
 */
function lognormalGaps(random: Random): Gaps {
  const mu = -(LOGNORMAL_SIGMA * LOGNORMAL_SIGMA) / 2;
  return {
    first: () => random.uniform() * random.lognormal(mu + LOGNORMAL_SIGMA * LOGNORMAL_SIGMA, LOGNORMAL_SIGMA),
    next: () => random.lognormal(mu, LOGNORMAL_SIGMA),
  };
}
