/**
 * When the connections of a driver acknowledge: each within 50 ms of the first message that it owes an acknowledgement for, and all
 * of them spread evenly over that time. Together they would hold up for milliseconds what the load has to send meanwhile.
 */

const INTERVAL_MS = 50;
const SLOTS = 10;

export interface Acknowledging {
  /** Called once after `soon`. */
  flushAcknowledgement(): void;
}

export class AckWheel<Connection extends Acknowledging> {
  readonly #slots: Connection[][] = Array.from({ length: SLOTS }, () => []);
  /** The slot that comes next, and how far behind it the next connection goes. */
  #next = 0;
  #behind = 0;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;

  soon(connection: Connection): void {
    this.#behind = (this.#behind + 1) % SLOTS;
    this.#slots[(this.#next + this.#behind) % SLOTS]!.push(connection);
    this.#waiting++;
    this.#timer ??= setInterval(() => this.#turn(), INTERVAL_MS / SLOTS);
  }

  /** All that wait, now. */
  flush(): void {
    for (let slot = 0; slot < SLOTS; slot++) this.#flush(slot);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #turn(): void {
    if (this.#waiting === 0) {
      this.stop();
      return;
    }
    const slot = this.#next;
    this.#next = (slot + 1) % SLOTS;
    this.#flush(slot);
  }

  #flush(slot: number): void {
    const connections = this.#slots[slot]!;
    if (connections.length === 0) return;
    this.#slots[slot] = [];
    this.#waiting -= connections.length;
    for (const connection of connections) connection.flushAcknowledgement();
  }
}
