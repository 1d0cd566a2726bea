/**
 * How an agent talks to a chat server. The reference protocol has one driver; a user's own server needs another (`--driver`).
 *
 * A driver is created once per agent process. It opens connections for users, sends, and reports what it sees through
 * `DriverEvents`. It does no pacing, no timing and no accounting: the agent does. It must not queue sends of its own.
 *
 * Guarantees (target-driver.suite.ts checks them; README.md says why each matters, and how to write a driver):
 * - `connect` resolves once the user can send and receive; it rejects with a DriverError otherwise. What arrives together
 *   with the welcome is reported before the code that awaits `connect` goes on.
 * - Each send leads to at most one `sent` (with its id) or one `sendFailed`; none if the connection is lost first.
 * - `received` is called once for each message the server pushes, in the order of arrival; duplicates are not hidden.
 * - After `closed`, or after the agent's own `close`, nothing is reported of that connection.
 */

/** One virtual user's open connection. The agent attaches what it needs in `context`. */
export interface DriverConnection<Context = unknown> {
  readonly user: string;
  context: Context;
  /** Send `body` to user `to`; `id` is the client message id, unique per user and increasing. The body may be reused after. */
  send(to: string, id: number, body: Uint8Array): void;
  /** Where to resume: the position up to which everything was received (0: nothing). */
  readonly position: number;
  /** Where the user's stream ended at connect: caught up once `position` is there. Absent where the server does not say. */
  readonly head?: number;
  /** Close in order (true) or abruptly, as a lost network would (false). */
  close(orderly: boolean): void;
  /** Stop reading from the socket (true), so that what the server pushes piles up; or go on (false). Optional: a fault of clients. */
  setPaused?(paused: boolean): void;
  /** As `send`, to all members of a group. With capability `groups`. */
  sendGroup?(group: string, id: number, body: Uint8Array): void;
  /** Make a group of which this user and `members` are members; resolves also when it is there already. With capability `groups`. */
  createGroup?(group: string, members: readonly string[]): Promise<void>;
  /** Be told whenever one of these users comes or goes. With capability `presence`. */
  watch?(users: readonly string[]): void;
}

export interface DriverEvents<Context = unknown> {
  sent(connection: DriverConnection<Context>, id: number): void;
  /** `retryable`: sending the same id again is safe and makes sense, not before `retryAfterMs` (0: the server does not say). */
  sendFailed(
    connection: DriverConnection<Context>,
    id: number,
    reason: string,
    retryable: boolean,
    retryAfterMs?: number,
  ): void;
  /** A message from another user. `body` is valid during the call only. `group`: sent to this group. */
  received(connection: DriverConnection<Context>, from: string, body: Uint8Array, group?: string): void;
  /** The server says that these messages are kept for a recipient who is not connected; `delivered` may follow. */
  stored?(connection: DriverConnection<Context>, id: number): void;
  /** News of users who are watched: so many of them. */
  presence?(connection: DriverConnection<Context>, changes: number): void;
  /**
   * The server says that the message with this client message id reached the recipient. It may have been sent on an earlier
   * connection of this user and device.
   */
  delivered(connection: DriverConnection<Context>, id: number): void;
  /**
   * The connection ended without being asked to. `resumable`: reconnecting makes sense; `advice`: how (default: `resume`).
   */
  closed(
    connection: DriverConnection<Context>,
    code: number,
    reason: string,
    resumable: boolean,
    advice?: ReconnectAdvice,
  ): void;
}

/**
 * How to come back: `resume` soon, after a short random pause; `later`, backing off (also after an attempt that failed);
 * `elsewhere` at once, for the server has said where.
 */
export type ReconnectAdvice = 'resume' | 'later' | 'elsewhere';

export interface ConnectOptions<Context> {
  user: string;
  device: string;
  context: Context;
  /** Resume after this position; undefined: from what the server remembers. */
  after?: number;
  timeoutMs: number;
}

export interface DriverCapabilities {
  /** Reconnecting with a position gives what was missed. */
  resume: boolean;
  /** The server acknowledges sends. */
  acknowledges: boolean;
  /** The server reports delivery to the sender. */
  receipts: boolean;
  /** Sending the same id again does not deliver the message again. */
  idempotent: boolean;
  /** `createGroup` and `sendGroup` are there. */
  groups?: boolean;
  /** `watch` is there. */
  presence?: boolean;
}

export interface TargetDriver<Context = unknown> {
  readonly name: string;
  readonly capabilities: DriverCapabilities;
  /** Look at the target once: addresses, limits. Rejects with a DriverError when it can't be reached. */
  prepare(): Promise<void>;
  connect(options: ConnectOptions<Context>): Promise<DriverConnection<Context>>;
  /** Acknowledgements and the like that the driver coalesces are flushed; called before the agent stops. */
  flush(): void;
  close(): Promise<void>;
  /** What the report should say about the driver's own doing, one sentence each. */
  problems?(): string[];
}

export interface DriverOptions {
  /** `ws://host:port` */
  target: string;
  /** Signs tokens for users where the server asks for them; undefined: the server runs in development mode. */
  authSecret?: string;
}

/** What a driver module exports as `createDriver`. */
export type CreateDriver = <Context>(options: DriverOptions, events: DriverEvents<Context>) => TargetDriver<Context>;

/**
 * What a driver threw, as a DriverError: by its shape, for a user's module may have its own copy of this class. Anything else
 * is the driver's own failure and counts against the server's side, with its message.
 */
export function asDriverError(thrown: unknown): DriverError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  if (error instanceof DriverError) return error;
  const side = (error as { side?: unknown }).side;
  const final = (error as { final?: unknown }).final === true;
  return new DriverError(side === 'generator' ? 'generator' : 'server', error.message, { cause: error, final });
}

/** Whether a driver threw a DriverError, be it of another copy of the class. */
export function isDriverError(thrown: unknown): boolean {
  return thrown instanceof Error && ['generator', 'server'].includes((thrown as { side?: string }).side ?? '');
}

export class DriverError extends Error {
  /** `generator`: this machine's fault (descriptors, ports); `server`: the target refused or did not answer. */
  readonly side: 'generator' | 'server';
  /** The same would happen again: no attempt is made any more. */
  readonly final: boolean;
  constructor(side: 'generator' | 'server', message: string, options?: ErrorOptions & { final?: boolean }) {
    super(message, options);
    this.name = 'DriverError';
    this.side = side;
    this.final = options?.final ?? false;
  }
}
