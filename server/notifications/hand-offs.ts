/**
 * Notifications on their way to providers: a bounded number of attempts at a time per provider, failed ones again after
 * a growing, random pause. All in memory: what a notification tells is in the store anyway.
 */
import type { HandOffResult, Notification, NotificationProviders, ProviderName, Target } from './provider.ts';
import type { Registration } from './registrations.ts';
import { notificationId, type Summary } from './summary.ts';

/** Per provider, so that one that hangs does not hold up the others. */
const ATTEMPTS_AT_A_TIME = 32;
const PAUSE_MS = { first: 1_000, most: 300_000 };
/** A receiver that wants a longer pause gets this one, and may ask again. */
const RETRY_AFTER_MOST_MS = 3_600_000;

export interface HandOff {
  user: { name: string; shard: number };
  notification: Notification;
  target: Target;
  /** The stretch of the timeline that was claimed for it: after `after`, up to `upTo`. */
  claimed: { after: number; upTo: number };
  attempts: number;
  /** Every attempt so far certainly did not reach the device. */
  untaken: boolean;
  /** Messages came that it does not tell of: another one follows it. */
  again: boolean;
  /** The device does not want it any more. */
  dropped: boolean;
}

/** `returned`: the user came before the first attempt; if he leaves without having read it, it starts anew. */
export type HandOffEnd =
  | { outcome: 'accepted' | 'seen' | 'dropped' | 'returned' }
  | { outcome: 'gone' | 'given-up'; reason: string };

export interface HandOffOptions {
  providers: NotificationProviders;
  maxAttempts: number;
  random: () => number;
  /** Asked before each attempt. `connected`: not now; `seen`: not any more. */
  need: (handOff: HandOff) => 'notify' | 'connected' | 'seen';
  retried: () => void;
  ended: (handOff: HandOff, end: HandOffEnd) => void;
}

interface Lane {
  ready: HandOff[];
  underWay: number;
}

export class HandOffs {
  #options: HandOffOptions;
  #lanes = new Map<ProviderName, Lane>();
  /** All that have not ended; the timer of one that pauses. */
  #all = new Map<HandOff, NodeJS.Timeout | undefined>();
  #closed = false;
  #idle: () => void = () => {};

  constructor(options: HandOffOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  add(handOff: HandOff): void {
    this.#all.set(handOff, undefined);
    this.#ready(handOff);
  }

  /** Starts no attempt any more, waits for those under way, and returns what certainly reached nobody. */
  async close(timeoutMs: number): Promise<HandOff[]> {
    this.#closed = true;
    for (const timer of this.#all.values()) clearTimeout(timer);
    if (timeoutMs > 0 && this.#underWay() > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        this.#idle = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    const untaken = [...this.#all.keys()].filter((handOff) => handOff.untaken);
    this.#all.clear();
    return untaken;
  }

  #underWay(): number {
    let sum = 0;
    for (const { underWay } of this.#lanes.values()) sum += underWay;
    return sum;
  }

  #ready(handOff: HandOff): void {
    const { provider } = handOff.target;
    let lane = this.#lanes.get(provider);
    if (lane === undefined) {
      lane = { ready: [], underWay: 0 };
      this.#lanes.set(provider, lane);
    }
    lane.ready.push(handOff);
    this.#start(lane);
  }

  #start(lane: Lane): void {
    while (lane.underWay < ATTEMPTS_AT_A_TIME && lane.ready.length > 0 && !this.#closed) {
      const handOff = lane.ready.shift()!;
      if (this.#passes(handOff)) void this.#attempt(lane, handOff);
    }
  }

  /** Whether the hand-off is to be attempted now. */
  #passes(handOff: HandOff): boolean {
    const need = handOff.dropped ? 'dropped' : this.#options.need(handOff);
    if (need === 'notify') return true;
    if (need !== 'connected') this.#end(handOff, { outcome: need });
    else if (handOff.attempts === 0) this.#end(handOff, { outcome: 'returned' });
    // An attempt may have reached the device, so only its repetition may follow, should he leave without having read it.
    else this.#pause(handOff, { outcome: 'retry', reason: 'the user is connected', retryAfterMs: 0, untaken: true });
    return false;
  }

  async #attempt(lane: Lane, handOff: HandOff): Promise<void> {
    lane.underWay++;
    // Until the answer is there nothing is certain.
    const untaken = handOff.untaken;
    handOff.untaken = false;
    const result = await this.#options.providers.byName
      .get(handOff.target.provider)!
      .send(handOff.notification, handOff.target);
    lane.underWay--;
    if (result.outcome === 'retry') {
      handOff.untaken = untaken && result.untaken;
      this.#pause(handOff, result);
    } else if (result.outcome === 'refused') this.#end(handOff, { outcome: 'given-up', reason: result.reason });
    else this.#end(handOff, result);
    this.#start(lane);
    if (this.#underWay() === 0) this.#idle();
  }

  #pause(handOff: HandOff, result: Extract<HandOffResult, { outcome: 'retry' }>): void {
    handOff.attempts++;
    if (handOff.attempts >= this.#options.maxAttempts) {
      this.#end(handOff, {
        outcome: 'given-up',
        reason: `${result.reason}; that was attempt ${handOff.attempts} of ${this.#options.maxAttempts}`,
      });
      return;
    }
    if (this.#closed) return;
    this.#options.retried();
    const pauseMs = retryPauseMs(handOff.attempts, result.retryAfterMs, this.#options.random());
    this.#all.set(
      handOff,
      setTimeout(() => this.#ready(handOff), pauseMs),
    );
  }

  #end(handOff: HandOff, end: HandOffEnd): void {
    this.#all.delete(handOff);
    this.#options.ended(handOff, end);
  }
}

/** For what was claimed of a user's timeline, not attempted yet. */
export function newHandOff(
  user: HandOff['user'],
  registration: Registration,
  summary: Summary,
  claimed: HandOff['claimed'],
): HandOff {
  const { device, target } = registration;
  return {
    user: { name: user.name, shard: user.shard },
    notification: { id: notificationId(user.name, device, summary), user: user.name, device, ...summary },
    target,
    claimed,
    attempts: 0,
    untaken: true,
    again: false,
    dropped: false,
  };
}

/**
 * Before attempt `attempts` + 1: 1 s doubled each time up to 5 min, of which half to all, so that what failed together is
 * not tried together; never sooner than the receiver said (at most an hour).
 */
export function retryPauseMs(attempts: number, retryAfterMs: number, random: number): number {
  const pauseMs = Math.min(PAUSE_MS.first * 2 ** (attempts - 1), PAUSE_MS.most);
  const askedMs = Math.min(retryAfterMs, RETRY_AFTER_MOST_MS);
  return Math.ceil(askedMs + (askedMs > 0 ? PAUSE_MS.first * random : pauseMs * (0.5 + random / 2)));
}
