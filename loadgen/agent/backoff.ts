/**
 * How long a client waits before it connects again, as PROTOCOL.md asks (Close codes). Full jitter: uniform between nothing
 * and a bound that grows exponentially, so that clients who lost a server together do not come back together. Pure.
 */
import type { ReconnectAdvice } from '../drivers/target-driver.ts';

export interface BackoffOptions {
  /** The first bound, ms. */
  firstMs: number;
  /** The bound doubles with every attempt that fails, up to this, ms. */
  mostMs: number;
}

/** The numbers of PROTOCOL.md. */
export const PROTOCOL_BACKOFF: BackoffOptions = { firstMs: 1_000, mostMs: 30_000 };

/**
 * ms to wait before the next attempt. `failures`: attempts that have failed since the connection was lost; 0 before the first.
 * `uniform`: a random number 0 ≤ x < 1. A redirect is followed at once, but only as long as nothing has failed.
 */
export function reconnectPauseMs(
  advice: ReconnectAdvice,
  failures: number,
  uniform: number,
  options: BackoffOptions = PROTOCOL_BACKOFF,
): number {
  return uniform * reconnectBoundMs(advice, failures, options);
}

/** The largest value that `reconnectPauseMs` may give, exclusive; the mean is half of it. */
export function reconnectBoundMs(
  advice: ReconnectAdvice,
  failures: number,
  options: BackoffOptions = PROTOCOL_BACKOFF,
): number {
  if (advice === 'elsewhere' && failures === 0) return 0;
  // The pause after `resume`, and the one after the redirect that failed, come before the doubling begins.
  const doublings = advice === 'later' ? failures : Math.max(failures - 1, 0);
  return Math.min(options.firstMs * 2 ** doublings, options.mostMs);
}
