/**
 * What is looked at once a second, for all connections of a process at a time: whether those with a backlog still take
 * something, and whose token has expired. A connection that keeps up and whose token is good costs nothing here.
 */
import { CLOSES } from '../protocol/errors.ts';
import type { Connection } from './connection.ts';

const SECOND_MS = 1_000;
/** Connections closed per turn: many tokens of one second must not stall those whose are good. */
const CLOSES_PER_TURN = 200;
/** If the clock jumps further than this, what is kept is looked through instead of every second that was passed over. */
const MOST_SECONDS_AT_ONCE = 10_000;

export interface ConnectionWatchOptions {
  writeDeadlineSeconds: number;
  /** ms since the epoch. */
  now: () => number;
}

export class ConnectionWatch {
  /** Seconds since the start, as the connections' budgets count them. */
  second = 0;
  readonly #options: ConnectionWatchOptions;
  /** Connections with a backlog. */
  #backlogged = new Set<Connection>();
  /** Connections by the second in which their token expires. */
  #expiring = new Map<number, Set<Connection>>();
  /** Seconds up to this one are done. */
  #expired: number;
  /** Connections whose token has expired and that are not closed yet. */
  #due: Connection[] = [];
  #timer: NodeJS.Timeout;

  constructor(options: ConnectionWatchOptions) {
    this.#options = options;
    this.#expired = Math.floor(options.now() / SECOND_MS) - 1;
    this.#timer = setInterval(() => this.#tick(), SECOND_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#due = [];
  }

  /** Something that was written waits. */
  backlogged(connection: Connection): void {
    if (this.#backlogged.has(connection)) return;
    this.#backlogged.add(connection);
    connection.stuckSince = this.second;
    connection.backlogSeen = Number.POSITIVE_INFINITY;
  }

  /** Close it at `expiresAt` (seconds since the epoch). */
  expireAt(connection: Connection, expiresAt: number): void {
    if (!Number.isFinite(expiresAt)) return;
    const second = Math.max(Math.ceil(expiresAt), this.#expired + 1);
    connection.expiresInSecond = second;
    const others = this.#expiring.get(second);
    if (others === undefined) this.#expiring.set(second, new Set([connection]));
    else others.add(connection);
  }

  /** It is closed. */
  forget(connection: Connection): void {
    this.#backlogged.delete(connection);
    const others = this.#expiring.get(connection.expiresInSecond);
    if (others === undefined) return;
    others.delete(connection);
    if (others.size === 0) this.#expiring.delete(connection.expiresInSecond);
  }

  #tick(): void {
    this.second++;
    for (const connection of this.#backlogged) this.#look(connection);
    const now = Math.floor(this.#options.now() / SECOND_MS);
    if (now - this.#expired > MOST_SECONDS_AT_ONCE) {
      for (const second of [...this.#expiring.keys()]) if (second <= now) this.#take(second);
    } else {
      for (let second = this.#expired + 1; second <= now; second++) this.#take(second);
    }
    this.#expired = Math.max(this.#expired, now);
  }

  #look(connection: Connection): void {
    const bytes = connection.backlogBytes();
    if (bytes === 0) {
      this.#backlogged.delete(connection);
    } else if (bytes < connection.backlogSeen || connection.drained) {
      connection.stuckSince = this.second;
    } else if (this.second - connection.stuckSince >= this.#options.writeDeadlineSeconds) {
      connection.close(CLOSES.slowConsumer);
      return;
    }
    connection.backlogSeen = bytes;
    connection.drained = false;
  }

  #take(second: number): void {
    const connections = this.#expiring.get(second);
    if (connections === undefined) return;
    this.#expiring.delete(second);
    const idle = this.#due.length === 0;
    for (const connection of connections) this.#due.push(connection);
    if (idle) this.#closeDue();
  }

  #closeDue(): void {
    for (const connection of this.#due.splice(-CLOSES_PER_TURN)) connection.close(CLOSES.tokenExpired);
    if (this.#due.length > 0) setImmediate(() => this.#closeDue());
  }
}
