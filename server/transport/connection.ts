/**
 * One WebSocket connection of one device: gathers what is written in a turn into one frame on the wire, and cuts off a
 * consumer that does not keep up, with a code, rather than ever skipping something.
 */
import type { WebSocket } from 'uWebSockets.js';
import type { Device, UserState } from '../messenger/user-state.ts';
import type { Volume } from '../messenger/volume.ts';
import { jsonFromServerFrames } from '../protocol/codec-json.ts';
import { CLOSES, type CloseEntry } from '../protocol/errors.ts';

/** What the upgrade passes on to the open connection. */
export interface ConnectionData {
  userName: string;
  deviceId: string;
  after: number | undefined;
  json: boolean;
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

export class Connection implements Device {
  readonly user: UserState;
  readonly volume: Volume;
  pushed = 0;
  live = false;
  sentAhead: Set<number> | null = null;
  closed = false;
  readonly #socket: Socket;
  readonly #json: boolean;
  readonly #outbox: ConnectionOutbox;
  /** Frames written in this turn. */
  #pending: Buffer | null = null;
  #more: Buffer[] | null = null;

  constructor(socket: Socket, user: UserState, volume: Volume, json: boolean, outbox: ConnectionOutbox) {
    this.#socket = socket;
    this.user = user;
    this.volume = volume;
    this.#json = json;
    this.#outbox = outbox;
  }

  write(frames: Buffer): void {
    if (this.closed) return;
    if (this.#pending === null) {
      this.#pending = frames;
      this.#outbox.add(this);
    } else if (this.#more === null) {
      this.#more = [frames];
    } else {
      this.#more.push(frames);
    }
  }

  backlogBytes(): number {
    return this.closed ? 0 : this.#socket.getBufferedAmount();
  }

  /** Hand what was gathered to the socket. */
  flush(): void {
    const first = this.#pending;
    if (first === null) return;
    const more = this.#more;
    this.#pending = null;
    this.#more = null;
    if (this.closed) return;
    const data = more === null ? first : Buffer.concat([first, ...more]);
    let taken = 1;
    this.#socket.cork(() => {
      if (this.#json) {
        for (const text of jsonFromServerFrames(data)) taken = Math.min(taken, this.#socket.send(text, false));
      } else {
        taken = this.#socket.send(data, true);
      }
    });
    if (taken !== 1 && !this.closed && this.#socket.getBufferedAmount() > this.#outbox.limits.maxBacklogBytes) {
      this.#outbox.slowConsumers++;
      this.close(CLOSES.slowConsumer);
    }
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
    this.#socket.end(entry.code, detail.slice(0, 120));
  }
}

/** The connections of a process that have something to send; flushed when the turn's work is done. */
export class ConnectionOutbox {
  slowConsumers = 0;
  readonly limits: ConnectionLimits;
  #dirty: Connection[] = [];
  #scheduled = false;
  #flush = () => this.flush();

  constructor(limits: ConnectionLimits) {
    this.limits = limits;
  }

  add(connection: Connection): void {
    this.#dirty.push(connection);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(this.#flush);
  }

  flush(): void {
    this.#scheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
  }
}
