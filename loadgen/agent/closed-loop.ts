/**
 * The closed executors: every virtual user sends, waits for the acknowledgement, thinks, and sends again, as k6's virtual users
 * do. There is no schedule that could be missed: the intended time of such a message is when its user got round to it.
 */
import type { Clock } from '../clock.ts';
import { type Segment, segmentCount } from '../coordinator/segments.ts';
import type { ClosedPace } from '../population/plan.ts';
import type { Random } from '../random.ts';
import type { VirtualUser } from './virtual-user.ts';

export interface ClosedLoopOptions {
  clock: Clock;
  random: Random;
  pace: ClosedPace;
  segment: Segment;
  /** This agent's users of the block. */
  users: readonly VirtualUser[];
  /** Clock ms of the executor's start. */
  startMs: number;
  /** Send the user's next message. `iterated` follows, once it is acknowledged or given up. */
  send: (user: VirtualUser) => void;
}

export class ClosedLoop {
  #options: ClosedLoopOptions;
  #endMs: number;
  /** Users with an iteration under way, thinking included. */
  #busy = new Set<VirtualUser>();
  #done = new Map<VirtualUser, number>();
  /** Iterations that may still be begun; of all users for `shared`. */
  #left: number;
  #started = false;
  #stopped = false;

  constructor(options: ClosedLoopOptions) {
    const { pace, segment, users, clock, startMs } = options;
    this.#options = options;
    this.#endMs = startMs + pace.durationMs;
    const { iterations } = pace;
    if (iterations === null) this.#left = Number.POSITIVE_INFINITY;
    else if ('shared' in iterations) this.#left = segmentCount(iterations.shared, segment);
    else this.#left = iterations.perUser * users.length;
    clock.after(startMs - clock.nowMs(), () => {
      // A timer may fire a little before its time by a finer clock: it says that it is time, once.
      this.#started = true;
      for (const user of users) if (user.connection !== null) this.ready(user);
    });
  }

  /** Nothing more will be begun, and nothing is under way. */
  get done(): boolean {
    if (this.#stopped || this.#options.clock.nowMs() >= this.#endMs) return true;
    return this.#left === 0 && this.#busy.size === 0;
  }

  /** The user is connected, perhaps again. */
  ready(user: VirtualUser): void {
    if (!this.#busy.has(user)) this.#next(user);
  }

  /** The user's message is acknowledged or given up. */
  iterated(user: VirtualUser): void {
    if (!this.#busy.has(user)) return;
    const { clock, pace, random } = this.#options;
    if (pace.thinkMs === 0) this.#again(user);
    else clock.after(random.exponential() * pace.thinkMs, () => this.#again(user));
  }

  stop(): void {
    this.#stopped = true;
  }

  #again(user: VirtualUser): void {
    this.#busy.delete(user);
    this.#next(user);
  }

  #next(user: VirtualUser): void {
    const { clock, pace, send } = this.#options;
    if (!this.#started || this.#stopped || this.#left === 0 || clock.nowMs() >= this.#endMs) return;
    if (user.connection === null || !user.online) return;
    if (pace.iterations !== null && 'perUser' in pace.iterations) {
      const done = this.#done.get(user) ?? 0;
      if (done >= pace.iterations.perUser) return;
      this.#done.set(user, done + 1);
    }
    this.#left--;
    this.#busy.add(user);
    send(user);
  }
}
