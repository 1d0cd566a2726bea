/**
 * Revoked tokens: per user a time up to which every token that was issued is refused. Durable in the user's volume, and in
 * memory as a map of those users only.
 */
import { CLOSES } from '../protocol/errors.ts';
import { PROPERTY, REVOCATIONS_OWNER, VOLUME_SHARD } from '../store/properties.ts';
import type { Volume } from './volume.ts';

/** Seconds since the epoch; before the issue of any token. */
export const NEVER_REVOKED = -1;

/** Rows read at once when a volume is opened. */
const PAGE_ROWS = 10_000;

export class Revocations {
  #volume: Volume;
  /** Seconds since the epoch. */
  #upTo = new Map<string, number>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Reads what earlier lives have revoked. */
  async restore(): Promise<void> {
    let after: string | undefined;
    for (;;) {
      const query = { limit: PAGE_ROWS, ...(after === undefined ? null : { after }) };
      const rows = await this.#volume.store.properties(VOLUME_SHARD, REVOCATIONS_OWNER, PROPERTY.revocation, query);
      for (const { name, value } of rows) this.#upTo.set(name, Number(value.readBigUInt64BE(0)));
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)!.name;
    }
  }

  /** Tokens of the user issued up to this time (seconds since the epoch) are revoked. */
  upTo(user: string): number {
    return this.#upTo.get(user) ?? NEVER_REVOKED;
  }

  /**
   * Revoke the user's tokens issued up to `upTo` (seconds since the epoch): refused from now on, and connections that came
   * with one are closed. Resolves when that is durable. Never takes an earlier revocation back.
   */
  revoke(name: string, upTo: number): Promise<void> {
    const latest = Math.max(upTo, this.upTo(name));
    this.#upTo.set(name, latest);
    const devices = this.#volume.users.peek(name)?.devices ?? [];
    for (const device of [...devices]) if (device.issuedAt <= latest) device.close(CLOSES.revoked);
    const value = Buffer.alloc(8);
    value.writeBigUInt64BE(BigInt(latest));
    const batch = this.#volume.commit.current();
    batch.store.putProperty(VOLUME_SHARD, REVOCATIONS_OWNER, PROPERTY.revocation, name, value);
    return new Promise((resolve) => batch.effects.push({ apply: resolve }));
  }
}
