/** The rates that a generator is driven at to find its ceiling, and how its ceiling is read from what came of them. Pure. */

import { DEFAULT_OBJECTIVE_MS, METHOD } from '../coordinator/method.ts';

/** Doubles in so many seconds. */
const STEPS_PER_DOUBLING = 4;

/** Rates of `seconds` seconds, one a second, from `first` on. */
export function stairRates(first: number, seconds: number): number[] {
  return Array.from({ length: seconds }, (_, step) => Math.round(first * 2 ** (step / STEPS_PER_DOUBLING)));
}

/** What became of one second of the stairs. */
export interface StairSecond {
  atMs: number;
  /** Started in it, and arrived in it. */
  sent: number;
  delivered: number;
  /** Not started, because a second late. */
  dropped: number;
  slipP99Ms: number;
}

/**
 * A ceiling is where a generator stops being above suspicion: its sends slip by more than the verdict allows it where no threshold
 * names a latency (5% of 100 ms). It may push more than that through; nobody could tell then whose latency is measured.
 */
export const ON_TIME_MS = METHOD.generatorShareOfObjective * DEFAULT_OBJECTIVE_MS;
/** So many late seconds in a row are the end; fewer may be the machine's. */
export const LATE_SECONDS = 3;

export function isOnTime({ slipP99Ms, dropped }: StairSecond): boolean {
  return dropped === 0 && slipP99Ms <= ON_TIME_MS;
}

/** Whether the generator has come to its end. */
export function isOver(seconds: readonly StairSecond[]): boolean {
  return seconds.length >= LATE_SECONDS && !seconds.slice(-LATE_SECONDS).some(isOnTime);
}

/**
 * The most messages that went the whole way in a second that was on time and followed by another such: what only one second could
 * bear, stored in buffers, is none. 0 without one.
 */
export function ceilingOf(seconds: readonly StairSecond[]): number {
  const held = seconds.map((second, index) => {
    const next = seconds[index + 1];
    if (next === undefined || !isOnTime(second) || !isOnTime(next)) return 0;
    return Math.min(second.sent, second.delivered, next.sent, next.delivered);
  });
  return Math.max(0, ...held);
}
