/**
 * Revoked tokens: per user a time up to which every token that was issued is refused. Durable in the user's volume, and in
 * memory as a map of those users only.
 */
import { CLOSES } from '../protocol/errors.ts';
import type { Volume } from './volume.ts';

/** Seconds since the epoch; before the issue of any token. */
export const NEVER_REVOKED = -1;

export class Revocations {
  #volume: Volume;
  /** Seconds since the epoch. */
  #upTo = new Map<string, number>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  async restore(): Promise<void> {}

  /** Tokens of the user issued up to this time (seconds since the epoch) are revoked. */
  upTo(user: string): number {
    return this.#upTo.get(user) ?? NEVER_REVOKED;
  }

  /**
   * Revoke the user's tokens issued up to `upTo` (seconds since the epoch): refused from now on, and connections that came
   * with one are closed. Resolves when that is durable. Never takes an earlier revocation back.
   */
  async revoke(name: string, upTo: number): Promise<void> {
    if (upTo > this.upTo(name)) this.#upTo.set(name, upTo);
    const devices = this.#volume.users.peek(name)?.devices ?? [];
    for (const device of [...devices]) if (device.issuedAt <= upTo) device.close(CLOSES.revoked);
  }
}
