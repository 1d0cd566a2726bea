/**
 * Sends whose connection was lost before their receipts came. Receipts are not repeated on the next connection, but told when
 * asked for: without that a delivery that took place meanwhile would never be known to its sender, nor how long it took.
 */
import type { UnsettledSends } from './unsettled-sends.ts';

interface Device {
  readonly user: string;
  readonly device: string;
}

export class LostReceipts {
  readonly #sends = new Map<string, UnsettledSends>();

  /** The connection of this device is lost, or may be left without a word. */
  keep(device: Device, sends: UnsettledSends): void {
    if (sends.size > 0) this.#sends.set(keyOf(device), sends);
  }

  /** The device is connected again: what to ask for. What was not acknowledged is left out, for it will be sent again or never. */
  take(device: Device): UnsettledSends | undefined {
    if (this.#sends.size === 0) return undefined;
    const key = keyOf(device);
    const sends = this.#sends.get(key);
    this.#sends.delete(key);
    sends?.forgetUnacknowledged();
    return sends;
  }
}

/** No name has a line break. */
function keyOf({ user, device }: Device): string {
  return `${user}\n${device}`;
}
