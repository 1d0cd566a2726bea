/**
 * One WebSocket connection of one device: gathers what is written in a turn into one frame on the wire, and cuts off a
 * consumer that does not keep up, with a code, rather than ever skipping something.
 */
import type { WebSocket } from 'uWebSockets.js';
import type { Device, UserState } from '../messenger/user-state.ts';
import type { Volume } from '../messenger/volume.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import { CLOSES, type CloseEntry } from '../protocol/errors.ts';
import type { ConnectionWatch } from './connection-watch.ts';

/** Receipts wait at most this long for company. */
const LATER_MS = 20;
/**
 * What a client may ask for besides sending, in units of an ack that says nothing new: lasting and at once. It is more than
 * any honest client needs, and little enough that a thousand clients at it do not take a process from the others.
 */
export const FRAME_BUDGET = { perSecond: 2_000, burst: 20_000 };

/** What the upgrade passes on to the open connection. */
export interface ConnectionData {
  userName: string;
  deviceId: string;
  after: number | undefined;
  json: boolean;
  /** Of its token, seconds since the epoch (`Grant`). */
  issuedAt: number;
  expiresAt: number;
  /** Set when the upgrade already knows that the connection must be refused. */
  refusal: { close: CloseEntry; detail: string; redirect: string } | null;
  connection: Connection | null;
  /** What the client said while its user was being loaded; answered after the welcome. */
  early: { bytes: number; messages: Array<{ data: Buffer; isBinary: boolean }> } | null;
}

export type Socket = WebSocket<ConnectionData>;

export interface ConnectionLimits {
  maxBacklogBytes: number;
}

export type CloseCounts = Record<string, number>;

export class Connection implements Device {
  readonly user: UserState;
  readonly volume: Volume;
  pushed = 0;
  live = false;
  sentAhead: Set<number> | null = null;
  closed = false;
  readonly issuedAt: number;
  /** Highest position that this device has acknowledged. */
  acknowledged = 0;
  /** For ConnectionWatch: since which second the network has taken nothing, and what waited when it looked. */
  stuckSince = 0;
  backlogSeen = 0;
  /** The network has taken something since ConnectionWatch looked. */
  drained = false;
  expiresInSecond = 0;
  /** Spent of FRAME_BUDGET, as of `#spentSecond`. */
  #spent = 0;
  #spentSecond = 0;
  readonly #socket: Socket;
  readonly #json: boolean;
  readonly #outbox: ConnectionOutbox;
  /** Frames written in this turn. */
  #pending: Buffer | null = null;
  #more: Buffer[] | null = null;
  /** Listed to be flushed at the end of this turn. */
  #leaving = false;
  /** Listed to be flushed when the outbox's timer fires. */
  #waiting = false;

  constructor(socket: Socket, user: UserState, volume: Volume, data: ConnectionData, outbox: ConnectionOutbox) {
    this.#socket = socket;
    this.user = user;
    this.volume = volume;
    this.#json = data.json;
    this.issuedAt = data.issuedAt;
    this.#outbox = outbox;
  }

  write(frames: Buffer): void {
    if (this.closed) return;
    this.#append(frames);
    if (this.#leaving) return;
    this.#leaving = true;
    this.#outbox.add(this);
  }

  writeLater(frames: Buffer): void {
    if (this.closed) return;
    this.#append(frames);
    if (this.#leaving || this.#waiting) return;
    this.#waiting = true;
    this.#outbox.addLater(this);
  }

  backlogBytes(): number {
    return this.closed ? 0 : this.#socket.getBufferedAmount();
  }

  /** Hand what was gathered to the socket. */
  flush(): void {
    const first = this.#pending;
    this.#leaving = false;
    if (first === null) return;
    const more = this.#more;
    this.#pending = null;
    this.#more = null;
    if (this.closed) return;
    const data = more === null ? first : Buffer.concat([first, ...more]);
    const taken = this.#json ? this.#sendJson(data) : this.#socket.send(data, true);
    if (taken === 1 || this.closed) return;
    if (this.#socket.getBufferedAmount() > this.#outbox.limits.maxBacklogBytes) this.close(CLOSES.slowConsumer);
    else this.#outbox.watch.backlogged(this);
  }

  /** The client asks for something that costs so much of its budget; one that asks for too much is closed: false. */
  spend(cost: number): boolean {
    if (this.closed) return false;
    const { second } = this.#outbox.watch;
    if (second !== this.#spentSecond) {
      this.#spent = Math.max(this.#spent - (second - this.#spentSecond) * FRAME_BUDGET.perSecond, 0);
      this.#spentSecond = second;
    }
    this.#spent += cost;
    if (this.#spent <= FRAME_BUDGET.burst) return true;
    this.close(CLOSES.flooding);
    return false;
  }

  /** The timer of the outbox has fired. */
  flushWaiting(): void {
    this.#waiting = false;
    this.flush();
  }

  #append(frames: Buffer): void {
    if (this.#pending === null) this.#pending = frames;
    else if (this.#more === null) this.#more = [frames];
    else this.#more.push(frames);
  }

  #sendJson(data: Buffer): number {
    let taken = 1;
    this.#socket.cork(() => {
      for (const text of jsonFromServerFrames(data)) taken = Math.min(taken, this.#socket.send(text, false));
    });
    return taken;
  }

  /**
   * Close with a code. The close handler runs at once; the library keeps the socket until the other side has taken what
   * was written and the code, and cuts it if that takes longer than 8 to 16 s, depending on the idle timeout.
   */
  close(entry: CloseEntry, detail = entry.text): void {
    if (this.closed) return;
    this.flush();
    if (this.closed) return;
    this.closed = true;
    this.#outbox.countClose(entry);
    this.#socket.end(entry.code, detail.slice(0, 120));
  }
}

/** The connections of a process that have something to send; flushed when the turn's work is done. */
export class ConnectionOutbox {
  readonly limits: ConnectionLimits;
  readonly watch: ConnectionWatch;
  /** Closes by this side, by the names of CLOSES. */
  readonly closes: CloseCounts = Object.fromEntries(Object.values(CLOSES).map(({ name }) => [name, 0]));
  #dirty: Connection[] = [];
  #waiting: Connection[] = [];
  #scheduled = false;
  #flush = () => this.flush();

  constructor(limits: ConnectionLimits, watch: ConnectionWatch) {
    this.limits = limits;
    this.watch = watch;
  }

  countClose(entry: CloseEntry): void {
    this.closes[entry.name]!++;
  }

  add(connection: Connection): void {
    this.#dirty.push(connection);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#flush);
  }

  /** For what may wait: mostly it leaves with something else before the timer fires, and saves a system call. */
  addLater(connection: Connection): void {
    this.#waiting.push(connection);
    if (this.#waiting.length === 1) setTimeout(() => this.#flushWaiting(), LATER_MS);
  }

  flush(): void {
    this.#scheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
  }

  #flushWaiting(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of waiting) connection.flushWaiting();
  }
}
