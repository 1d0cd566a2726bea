/**
 * Fires sends at their intended times. Open model: the schedule does not wait for answers, and what could not be started
 * within `lateLimitMs` is counted as dropped, not sent late in a burst that the scenario never asked for.
 */
import type { Clock, Timer } from '../clock.ts';
import type { FireTimes } from '../pacing/fire-times.ts';

export interface LoadLoopOptions {
  clock: Clock;
  fireTimes: FireTimes;
  startMs: number;
  lateLimitMs: number;
  /** Start the message that was intended for `intendedMs`. */
  fire: (intendedMs: number) => void;
  dropped: (intendedMs: number) => void;
  done: () => void;
}

export interface LoadLoop {
  stop(): void;
}

/** Sends in one go at most this long before the loop lets sockets be read. */
const BURST = 256;

export function startLoadLoop(options: LoadLoopOptions): LoadLoop {
  const { clock, fireTimes, startMs, lateLimitMs } = options;
  let timer: Timer | undefined;
  let stopped = false;
  let nextMs = startMs + fireTimes.next();

  const turn = (): void => {
    if (stopped) return;
    const nowMs = clock.nowMs();
    let count = 0;
    while (nextMs <= nowMs && count < BURST) {
      const intendedMs = nextMs;
      nextMs = startMs + fireTimes.next();
      if (nowMs - intendedMs > lateLimitMs) options.dropped(intendedMs);
      else {
        options.fire(intendedMs);
        count++;
      }
    }
    if (nextMs === Number.POSITIVE_INFINITY) {
      options.done();
      return;
    }
    // A timer of 0 ms waits 1 ms in Node; behind schedule, the next turn comes right after the sockets.
    if (nextMs <= nowMs) setImmediate(turn);
    else timer = clock.after(wait(), turn);
  };
  // Whole ms: each fractional delay would get a timer list of its own in Node.
  const wait = (): number => Math.max(Math.round(nextMs - clock.nowMs()), 1);
  if (nextMs === Number.POSITIVE_INFINITY) options.done();
  else timer = clock.after(wait(), turn);
  return {
    stop() {
      stopped = true;
      clock.cancel(timer);
    },
  };
}
