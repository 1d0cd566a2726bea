/**
 * Users who are about to be notified: each waits from his first message to the end of his window, whatever comes
 * meanwhile, and then has his turn, of which so many run at a time. Bounded: who does not fit is refused.
 */
export interface CollapseWindowOptions {
  windowMs: number;
  /** No window ends before this; ms since the epoch. */
  notBefore: number;
  limits: { users: number; rounds: number };
  now: () => number;
  /** Whether there is room for what comes of so many turns. */
  hasRoom: (turns: number) => boolean;
  /** A user's turn. Must not reject. */
  turn: (name: string) => Promise<void>;
}

export class CollapseWindow {
  #options: CollapseWindowOptions;
  /** With the end of the window, ms since the epoch; oldest first, for all windows have the same length. */
  #waiting = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #turns = 0;
  #closed = false;

  constructor(options: CollapseWindowOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** False when there is no room. */
  add(name: string): boolean {
    if (this.#closed || this.#waiting.has(name)) return true;
    const { limits, now, windowMs, notBefore } = this.#options;
    if (this.#waiting.size >= limits.users) return false;
    this.#waiting.set(name, Math.max(now() + windowMs, notBefore));
    this.proceed();
    return true;
  }

  /** To be called when there is room again. */
  proceed(): void {
    if (this.#timer !== undefined || this.#closed || this.#full()) return;
    const first = this.#waiting.values().next();
    if (first.done) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#startTurns();
        this.proceed();
      },
      Math.max(first.value - this.#options.now(), 0),
    );
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #startTurns(): void {
    const now = this.#options.now();
    for (const [name, end] of this.#waiting) {
      if (end > now || this.#full()) return;
      this.#waiting.delete(name);
      this.#turns++;
      void this.#options.turn(name).finally(() => {
        this.#turns--;
        this.proceed();
      });
    }
  }

  #full(): boolean {
    return this.#turns >= this.#options.limits.rounds || !this.#options.hasRoom(this.#turns);
  }
}
