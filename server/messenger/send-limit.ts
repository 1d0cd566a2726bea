/**
 * How fast one user may send, over all his devices and HTTP: a token bucket in the form of one number per user.
 *
 * `sendsDue` is when what was sent so far is paid for at the lasting rate (the "generic cell rate algorithm"): each send adds
 * 1 / rate to it, and one that would put it more than the burst ahead of the clock is refused. A user who does not send
 * costs nothing, and no clock needs to refill anything.
 *
 * Order is kept like this: once a send of a device is refused, those with higher ids are refused as well until that one comes
 * again, so that what was already on its way does not overtake it. A client that gives it up is held up for a second at most.
 */
import { CLOSES } from '../protocol/errors.ts';
import type { Device } from './user-state.ts';

/** After the refused send could have come again, how long others wait for it. */
const GRACE_MS = 1_000;
/** A device with so many bursts refused within the window, and twice what the rate allows, does not listen, and is closed. */
const FLOOD_BURSTS = 10;
const FLOOD_RATES = 2;
const FLOOD_WINDOW_MS = 10_000;
/** But never for less than this, however small the burst. */
const FLOOD_LEAST = 100;

interface Refusals {
  /** The send that must come again first; 0: none. */
  id: number;
  /** From when it may. */
  at: number;
  /** How many others were refused since, because they would have overtaken it. */
  behind: number;
  /** Until then others wait for it. */
  until: number;
  /** Sends refused since the window began. */
  count: number;
  windowStart: number;
}

export class SendLimit {
  /** Time that one send costs, and how far ahead of the clock a user may be, ms; both 0 without a limit. */
  readonly #costMs: number;
  readonly #aheadMs: number;
  readonly #floodCount: number;
  /** Devices with refusals lately. */
  #refusals = new Map<Device, Refusals>();

  /** `perSecond` 0: no limit. `burst`: as many at once, at least 1. */
  constructor({ perSecond, burst }: { perSecond: number; burst: number }) {
    this.#costMs = perSecond > 0 ? 1_000 / perSecond : 0;
    this.#aheadMs = perSecond > 0 ? (Math.max(burst, 1) - 1) * this.#costMs : 0;
    this.#floodCount = Math.max(FLOOD_BURSTS * burst, (FLOOD_RATES * perSecond * FLOOD_WINDOW_MS) / 1_000, FLOOD_LEAST);
  }

  /** Devices of which something is remembered. */
  get size(): number {
    return this.#refusals.size;
  }

  /** 0: it may go, and is counted. Else after how many ms it may be repeated. */
  admit(device: Device, id: number, now: number): number {
    if (this.#refusals.size > 0) {
      const waitMs = this.#behindRefused(device, id, now);
      if (waitMs > 0) return waitMs;
    }
    const user = device.user;
    const due = Math.max(user.sendsDue, now);
    // The sum is rounded to a quarter of a microsecond (2^-12 ms at today's time): so much is forgiven.
    const waitMs = due - now - this.#aheadMs;
    if (waitMs > 0.001) return this.#refuse(device, id, now, Math.ceil(waitMs));
    user.sendsDue = due + this.#costMs;
    return 0;
  }

  /** A refusal was told to the device: one that does not care is closed. */
  refused(device: Device, now: number): void {
    const refusals = this.#refusals.get(device)!;
    if (now - refusals.windowStart >= FLOOD_WINDOW_MS) {
      refusals.windowStart = now;
      refusals.count = 0;
    }
    if (++refusals.count > this.#floodCount && !device.closed) device.close(CLOSES.flooding);
  }

  /** Once a second: forgets devices that behave. */
  housekeeping(now: number): void {
    for (const [device, { until, windowStart }] of this.#refusals) {
      if (device.closed || (now > until && now - windowStart >= FLOOD_WINDOW_MS)) this.#refusals.delete(device);
    }
  }

  /** Wait for a send that must not overtake one that was refused before it; 0 if it need not. */
  #behindRefused(device: Device, id: number, now: number): number {
    const refusals = this.#refusals.get(device);
    if (refusals === undefined || refusals.id === 0) return 0;
    if (id < refusals.id) return 0; // the repeat of an earlier one
    if (id === refusals.id || now >= refusals.until) {
      refusals.id = 0;
      return 0;
    }
    // Each has a time of its own, so that a client which keeps to it is not refused again.
    refusals.behind++;
    return Math.ceil(Math.max(refusals.at - now, 1) + refusals.behind * this.#costMs);
  }

  #refuse(device: Device, id: number, now: number, waitMs: number): number {
    const refusals = this.#refusals.get(device);
    const until = now + waitMs + GRACE_MS;
    if (refusals === undefined) {
      this.#refusals.set(device, { id, at: now + waitMs, behind: 0, until, count: 0, windowStart: now });
    } else {
      refusals.id = id;
      refusals.at = now + waitMs;
      refusals.behind = 0;
      refusals.until = until;
    }
    return waitMs;
  }
}
