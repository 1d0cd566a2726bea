/**
 * What an agent breaks on purpose on its own side: clients that stop reading, vanish without closing, or all lose their
 * connection at once. What the server does about it reaches the users the way any loss of a connection does.
 */
import type { Clock, Timer } from '../clock.ts';
import type { DriverConnection } from '../drivers/target-driver.ts';
import type { ClientFault } from '../faults/fault.ts';
import type { Random } from '../random.ts';
import type { VirtualUser } from './virtual-user.ts';

export interface ClientFaultsOptions {
  /** Users who are connected now. */
  users: () => readonly VirtualUser[];
  clock: Clock;
  random: Random;
  /** The user's connection is no longer his, without a word to the server: forget it and open another. */
  reconnect: (user: VirtualUser) => void;
}

/** A socket that nobody answers on stays open so long, as behind a phone that lost its network; then this machine wants it back. */
const HALF_OPEN_MS = 120_000;

type Connection = DriverConnection<VirtualUser>;

export class ClientFaults {
  #options: ClientFaultsOptions;
  #slow = new Map<VirtualUser, Connection>();
  #halfOpen = new Set<Connection>();
  #timers = new Set<Timer>();

  constructor(options: ClientFaultsOptions) {
    this.#options = options;
  }

  /**
   * Break a share of the connections, rounded to whole ones, but at least one. Returns why nothing was broken, in one sentence;
   * null: something was.
   */
  apply(fault: ClientFault): string | null {
    const chosen = this.#choose(fault.share);
    if (chosen.length === 0) return `the fault ${fault.kind} found no connection to break`;
    if (fault.kind !== 'reconnect-storm' && chosen.every((user) => user.connection!.setPaused === undefined))
      return `the fault ${fault.kind} did nothing: connections of this driver can't stop reading (they have no setPaused)`;
    if (fault.kind === 'slow-consumers') this.#slowDown(chosen, fault.forMs);
    else if (fault.kind === 'half-open') this.#abandon(chosen);
    else {
      for (const user of chosen) {
        user.connection!.close(false);
        this.#options.reconnect(user);
      }
    }
    return null;
  }

  /** Connections whose client reads nothing now; one that the server has ended is none any more. */
  get slow(): number {
    let count = 0;
    for (const [user, connection] of this.#slow) if (user.connection === connection) count++;
    return count;
  }

  /** Mend all: everybody reads again, what was left half-open is closed. */
  stop(): void {
    for (const timer of this.#timers) this.#options.clock.cancel(timer);
    this.#timers.clear();
    this.#resume([...this.#slow]);
    this.#close([...this.#halfOpen]);
  }

  #slowDown(users: VirtualUser[], forMs: number): void {
    const slowed = users.flatMap((user): Array<[VirtualUser, Connection]> => {
      const connection = user.connection!;
      if (connection.setPaused === undefined) return [];
      connection.setPaused(true);
      this.#slow.set(user, connection);
      return [[user, connection]];
    });
    this.#after(forMs, () => this.#resume(slowed));
  }

  #resume(slowed: Array<[VirtualUser, Connection]>): void {
    for (const [user, connection] of slowed) {
      if (this.#slow.get(user) !== connection) continue;
      this.#slow.delete(user);
      if (user.connection === connection) connection.setPaused?.(false);
    }
  }

  #abandon(users: VirtualUser[]): void {
    const left: Connection[] = [];
    for (const user of users) {
      const connection = user.connection!;
      if (connection.setPaused === undefined) continue;
      connection.setPaused(true);
      this.#halfOpen.add(connection);
      left.push(connection);
      this.#options.reconnect(user);
    }
    this.#after(HALF_OPEN_MS, () => this.#close(left));
  }

  #close(connections: Connection[]): void {
    for (const connection of connections) if (this.#halfOpen.delete(connection)) connection.close(false);
  }

  /** Those that are slow already are left alone: one client has one trouble at a time. */
  #choose(share: number): VirtualUser[] {
    const users = this.#options.users();
    const free = users.filter((user) => user.connection !== null && this.#slow.get(user) !== user.connection);
    const wanted = Math.min(Math.max(Math.round(users.length * share), 1), free.length);
    return this.#options.random.shuffle(free).slice(0, wanted);
  }

  #after(ms: number, call: () => void): void {
    const timer = this.#options.clock.after(ms, () => {
      this.#timers.delete(timer);
      call();
    });
    this.#timers.add(timer);
  }
}
