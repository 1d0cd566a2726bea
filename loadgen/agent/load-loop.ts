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
  /**
   * Start what is overdue, between two turns: to be called now and then by whoever takes long. Hundreds of sockets may become readable
   * at once, and no timer runs before the last of them is read.
   */
  catchUp(): void;
  stop(): void;
}

/** Sends in one go at most this long before the loop lets sockets be read. */
const BURST = 256;
/** The same while sockets are being read. */
const CATCH_UP_BURST = 64;
/** Later than a timer's own tick. */
const OVERDUE_MS = 1;

export function startLoadLoop(options: LoadLoopOptions): LoadLoop {
  const { clock, fireTimes, startMs, lateLimitMs } = options;
  let timer: Timer | undefined;
  let stopped = false;
  let nextMs = startMs + fireTimes.next();

  const fireDue = (nowMs: number, most: number): void => {
    let count = 0;
    while (nextMs <= nowMs && count < most) {
      const intendedMs = nextMs;
      nextMs = startMs + fireTimes.next();
      if (nowMs - intendedMs > lateLimitMs) options.dropped(intendedMs);
      else {
        options.fire(intendedMs);
        count++;
      }
    }
  };
  const turn = (): void => {
    if (stopped) return;
    const nowMs = clock.nowMs();
    fireDue(nowMs, BURST);
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
    catchUp() {
      if (stopped) return;
      const nowMs = clock.nowMs();
      if (nowMs - nextMs >= OVERDUE_MS) fireDue(nowMs, CATCH_UP_BURST);
    },
    stop() {
      stopped = true;
      clock.cancel(timer);
    },
  };
}
