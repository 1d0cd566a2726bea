/** Which phase a run is in, and when each began and ended. */
import type { Clock } from '../clock.ts';
import type { Phase } from '../recorder/samples.ts';

export type RunPhase = Phase | 'start' | 'finish';

export class PhaseLog {
  #clock: Clock;
  #entries: Array<{ phase: RunPhase; startMs: number }> = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `startMs` on the clock; default now. It may lie a little ahead. */
  enter(phase: RunPhase, startMs = this.#clock.nowMs()): void {
    this.#entries.push({ phase, startMs });
  }

  get current(): RunPhase {
    return this.#entries.at(-1)?.phase ?? 'start';
  }

  get elapsedMs(): number {
    const last = this.#entries.at(-1);
    return last ? Math.max(this.#clock.nowMs() - last.startMs, 0) : 0;
  }

  /** Ms since messages began to be sent; 0 before. */
  get loadElapsedMs(): number {
    const load = this.#entries.find(({ phase }) => phase === 'warm-up');
    return load ? Math.max(this.#clock.nowMs() - load.startMs, 0) : 0;
  }

  /** [start, end) of a phase in ms since the epoch; empty at now if it was not reached, open ones end now. */
  epochWindow(phase: RunPhase): { startMs: number; endMs: number } {
    const found = this.list().find((entry) => entry.phase === phase);
    const now = this.#clock.toEpochMs(this.#clock.nowMs());
    return found ? { startMs: found.startMs, endMs: found.endMs } : { startMs: now, endMs: now };
  }

  /** All phases so far, ms since the epoch. */
  list(): Array<{ phase: RunPhase; startMs: number; endMs: number }> {
    return this.#entries.map(({ phase, startMs }, index) => {
      const endMs = this.#entries[index + 1]?.startMs ?? Math.max(this.#clock.nowMs(), startMs);
      return {
        phase,
        startMs: Math.round(this.#clock.toEpochMs(startMs)),
        endMs: Math.round(this.#clock.toEpochMs(endMs)),
      };
    });
  }
}
