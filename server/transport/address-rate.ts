/**
 * How fast one address may connect and ask over HTTP. Like the rate of a user (`send-limit.ts`), a token bucket in the form of
 * one number per address: when what was asked so far is paid for. An address whose time has passed is forgotten.
 */

/** Addresses remembered at most; the one that came first is forgotten for another. */
const MOST_ADDRESSES = 100_000;
/** Looked at per round, so that a round stays short. */
const SWEEP_PER_ROUND = 20_000;

/** An IPv4 address as a number, the first half of an IPv6 address (what one customer is given) as a string. */
export type AddressKey = number | string;

export class AddressRate {
  /** Requests that were refused. */
  refused = 0;
  readonly #costMs: number;
  readonly #aheadMs: number;
  readonly #most: number;
  readonly #due = new Map<AddressKey, number>();
  #sweep: Iterator<[AddressKey, number]> | null = null;

  constructor({ perSecond, burst }: { perSecond: number; burst: number }, most = MOST_ADDRESSES) {
    this.#costMs = 1_000 / perSecond;
    this.#aheadMs = (Math.max(burst, 1) - 1) * this.#costMs;
    this.#most = most;
  }

  get size(): number {
    return this.#due.size;
  }

  /** 0: it may, and is counted. Else after how many ms it may. */
  admit(key: AddressKey, now: number): number {
    const last = this.#due.get(key);
    const due = last === undefined ? now : Math.max(last, now);
    const waitMs = due - now - this.#aheadMs;
    if (waitMs > 0.001) {
      this.refused++;
      return Math.ceil(waitMs);
    }
    if (last === undefined && this.#due.size >= this.#most) {
      for (const first of this.#due.keys()) {
        this.#due.delete(first);
        break;
      }
    }
    this.#due.set(key, due + this.#costMs);
    return 0;
  }

  /** Forgets addresses whose bucket is full again. */
  sweep(now: number): void {
    this.#sweep ??= this.#due.entries();
    for (let n = 0; n < SWEEP_PER_ROUND; n++) {
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = null;
        return;
      }
      const [key, due] = next.value;
      if (due <= now) this.#due.delete(key);
    }
  }
}

/** Of the bytes of an address: 4, or 16 of which the first half counts unless it is an IPv4 address in IPv6's clothes. */
export function addressKey(bytes: Buffer): AddressKey {
  if (bytes.length === 4) return bytes.readUInt32BE(0);
  if (
    bytes.length === 16 &&
    bytes.readUInt32BE(8) === 0xffff &&
    bytes.readUInt32BE(0) === 0 &&
    bytes.readUInt32BE(4) === 0
  )
    return bytes.readUInt32BE(12);
  return bytes.toString('latin1', 0, 8);
}
