/** Work that is asked for again and again, done only as often as it may cost. */

/** So much may be spent at once, ms: the first times take longest. */
const CREDIT_MOST_MS = 300;

/** Time, and CPU time of this process, ms. */
const REAL = {
  now: () => performance.now(),
  spent: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1_000;
  },
};

export class Spacing {
  readonly #share: number;
  readonly #leastMs: number;
  #creditMs = CREDIT_MOST_MS;
  /** When the credit was worked out last; null: never. */
  #creditedMs: number | null = null;
  #lastMs: number | null = null;

  /** @param share of a core that the work may take, in the mean. @param leastMs between two times. */
  constructor(share: number, leastMs: number) {
    this.#share = share;
    this.#leastMs = leastMs;
  }

  /** Does it if it is time; undefined: not yet. The first time, and after `forget`, it is always time. */
  ask<Result>(work: () => Result, { now, spent } = REAL): Result | undefined {
    const startMs = now();
    const before = spent();
    const earnedMs = (startMs - (this.#creditedMs ?? startMs)) * this.#share;
    this.#creditMs = Math.min(this.#creditMs + earnedMs, CREDIT_MOST_MS);
    this.#creditedMs = startMs;
    if (this.#lastMs !== null && (this.#creditMs < 0 || startMs < this.#lastMs + this.#leastMs)) return undefined;
    const result = work();
    this.#lastMs = startMs;
    this.#creditMs -= spent() - before;
    return result;
  }

  /** What was done is of no use any more. */
  forget(): void {
    this.#lastMs = null;
  }
}
