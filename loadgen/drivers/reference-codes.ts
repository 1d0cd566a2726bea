/** What the error and close codes of the reference protocol mean to its driver. */
import { CLOSES, ERRORS } from '../../server/protocol/errors.ts';
import type { ReconnectAdvice } from './target-driver.ts';

/** Errors upon which the same is asked again, a send with the same id. The last two leave open whether it was done, or will be. */
export const RETRYABLE_ERRORS: ReadonlySet<number> = new Set([
  ERRORS.tryLater.code,
  ERRORS.draining.code,
  ERRORS.rateLimited.code,
  ERRORS.noAnswer.code,
  ERRORS.deadLetter.code,
]);

/** Close codes after which a reconnect would end the same way: ours, and those of RFC 6455 that blame the client. */
export const FINAL_CLOSES: ReadonlySet<number> = new Set([
  ...Object.values(CLOSES)
    .filter((entry) => entry.reconnect === 'never')
    .map((entry) => entry.code),
  ...[1002, 1003, 1007, 1008, 1009, 1010],
]);

/** What the other codes of ours ask for; a connection that broke without one is resumed. */
export const ADVICE: ReadonlyMap<number, ReconnectAdvice> = new Map(
  Object.values(CLOSES).flatMap(({ code, reconnect }) => (reconnect === 'never' ? [] : [[code, reconnect] as const])),
);
