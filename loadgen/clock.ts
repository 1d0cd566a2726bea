/**
 * Time. Intervals and fire times are taken from a monotonic clock that all processes of a host share; the wall clock is
 * an offset kept beside it, so that a correction of the wall clock never bends a latency.
 */

/** A timer that has not fired yet; only `Clock.cancel` takes it. */
export type Timer = unknown;

export interface Clock {
  /** Monotonic time in ms with fractions. The origin is the same for all processes of one host, and arbitrary. */
  nowMs(): number;
  /** Monotonic ms → ms since the Unix epoch. */
  toEpochMs(monotonicMs: number): number;
  /** Ms since the Unix epoch → monotonic ms. */
  fromEpochMs(epochMs: number): number;
  /** Call once after at least `delayMs`. */
  after(delayMs: number, call: () => void): Timer;
  /** Call every `intervalMs`, counted from now. */
  every(intervalMs: number, call: () => void): Timer;
  /** A timer that has fired or was cancelled before is left alone. */
  cancel(timer: Timer): void;
}

/**
 * The real clock: CLOCK_MONOTONIC, through `process.hrtime`.
 *
 * @param epochOffsetMs epoch − monotonic. Left out, it is taken once, now. Processes that must agree on the wall clock get
 * the offset of one of them.
 * @param nowMs another monotonic time instead, that of a host which is followed.
 */
export function createRealClock(
  epochOffsetMs: number = measureEpochOffsetMs(),
  nowMs: () => number = monotonicMs,
): Clock & { readonly epochOffsetMs: number } {
  return {
    epochOffsetMs,
    nowMs,
    toEpochMs: (ms) => ms + epochOffsetMs,
    fromEpochMs: (ms) => ms - epochOffsetMs,
    after: (delayMs, call) => setTimeout(call, delayMs),
    every: (intervalMs, call) => setInterval(call, intervalMs),
    cancel: (timer) => clearTimeout(timer as NodeJS.Timeout),
  };
}

/** The real clock of this process, its epoch offset taken when this module was loaded. */
export const realClock = createRealClock();

/**
 * How another host's monotonic clock is followed: on our clock, its time is ours + `offsetMs` at `fromMs`, and the offset
 * changes by `slope` ms each ms until `untilMs`. All times are ours.
 */
export interface ClockLine {
  fromMs: number;
  untilMs: number;
  offsetMs: number;
  slope: number;
}

/** The offset at our time `ms`; constant outside of the line's span. */
export function offsetOn(line: ClockLine, ms: number): number {
  return line.offsetMs + line.slope * (Math.max(line.fromMs, Math.min(ms, line.untilMs)) - line.fromMs);
}

/**
 * Another host's monotonic time. A new line may lie a little ahead: it is followed from its own beginning, so that all
 * processes of a host that are told the same line show the same time.
 */
export interface FollowedTime {
  nowMs(): number;
  follow(line: ClockLine): void;
}

export function followTime(line: ClockLine, ownMs: () => number = monotonicMs): FollowedTime {
  let now = line;
  let next = line;
  return {
    nowMs: () => {
      const ms = ownMs();
      if (ms >= next.fromMs) now = next;
      return ms + offsetOn(now, ms);
    },
    follow: (newer) => {
      if (ownMs() >= next.fromMs) now = next;
      next = newer;
    },
  };
}

/** This host's monotonic clock, ms. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1000 + nanoseconds / 1e6;
}

/** The tightest of a few bracketed readings, so that being descheduled in between does not count. */
function measureEpochOffsetMs(): number {
  let best = { width: Number.POSITIVE_INFINITY, offset: 0 };
  for (let i = 0; i < 5; i++) {
    const before = monotonicMs();
    const epoch = performance.timeOrigin + performance.now();
    const after = monotonicMs();
    if (after - before < best.width) best = { width: after - before, offset: epoch - (before + after) / 2 };
  }
  return best.offset;
}

interface PendingCall {
  atMs: number;
  order: number;
  call: () => void;
  intervalMs: number | undefined;
}

/** Time that moves only when told to. Calls run in order of their time, then of their creation. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #epochOffsetMs: number;
  readonly #pending = new Set<PendingCall>();

  constructor(options: { nowMs?: number; epochOffsetMs?: number } = {}) {
    this.#nowMs = options.nowMs ?? 0;
    this.#epochOffsetMs = options.epochOffsetMs ?? 1_700_000_000_000;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  toEpochMs(monotonicMs: number): number {
    return monotonicMs + this.#epochOffsetMs;
  }

  fromEpochMs(epochMs: number): number {
    return epochMs - this.#epochOffsetMs;
  }

  after(delayMs: number, call: () => void): Timer {
    return this.#add(delayMs, call, undefined);
  }

  every(intervalMs: number, call: () => void): Timer {
    if (!(intervalMs > 0)) throw new RangeError(`an interval must be above 0 ms, not ${intervalMs}`);
    return this.#add(intervalMs, call, intervalMs);
  }

  cancel(timer: Timer): void {
    this.#pending.delete(timer as PendingCall);
  }

  /** Timers that still wait. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Move on by `ms`, running what falls due on the way at its own time. */
  advance(ms: number): void {
    if (!(ms >= 0)) throw new RangeError(`time cannot move by ${ms} ms`);
    const untilMs = this.#nowMs + ms;
    for (let next = this.#next(untilMs); next; next = this.#next(untilMs)) {
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      if (next.intervalMs === undefined) this.#pending.delete(next);
      else {
        next.atMs += next.intervalMs;
        next.order = this.#order++;
      }
      next.call();
    }
    this.#nowMs = untilMs;
  }

  #add(delayMs: number, call: () => void, intervalMs: number | undefined): PendingCall {
    const pending = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, call, intervalMs };
    this.#pending.add(pending);
    return pending;
  }

  #next(untilMs: number): PendingCall | undefined {
    let first: PendingCall | undefined;
    for (const candidate of this.#pending) {
      if (candidate.atMs > untilMs) continue;
      if (!first || candidate.atMs < first.atMs || (candidate.atMs === first.atMs && candidate.order < first.order)) {
        first = candidate;
      }
    }
    return first;
  }
}
