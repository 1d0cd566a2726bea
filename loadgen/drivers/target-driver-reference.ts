/** The driver of the reference protocol (server/protocol/PROTOCOL.md), binary, over the lean WebSocket client. */
import { randomInt } from 'node:crypto';
import { createSigner } from 'fast-jwt';
import {
  decodeServerFrames,
  encodeAck,
  encodeSend,
  FrameError,
  FrameWriter,
  type ServerFrames,
} from '../../server/protocol/codec.ts';
import { CLOSES, ERRORS } from '../../server/protocol/errors.ts';
import { BINARY_SUBPROTOCOL, type Welcome } from '../../server/protocol/messages.ts';
import { ShardDirectory } from './shard-directory.ts';
import {
  type ConnectOptions,
  type DriverConnection,
  DriverError,
  type DriverEvents,
  type DriverOptions,
  type ReconnectAdvice,
  type TargetDriver,
} from './target-driver.ts';
import { UnsettledSends } from './unsettled-sends.ts';
import { WebSocketClient, type WebSocketConnection } from './websocket-client.ts';
import { xorshift32 } from './xorshift.ts';

export function createReferenceDriver<Context>(
  options: DriverOptions,
  events: DriverEvents<Context>,
): TargetDriver<Context> {
  return new ReferenceDriver(options, events);
}

const ACK_INTERVAL_MS = 50;
const ACK_MESSAGES = 32;
const TOKEN_LIFETIME_MS = 3_600_000;
/** The table of owners is asked for again at most this often, after a connect failed. */
const REFRESH_INTERVAL_MS = 1000;
/** Errors upon which the same send is repeated with the same id. The last two leave open whether it was stored, or will be. */
const RETRYABLE_ERRORS: ReadonlySet<number> = new Set([
  ERRORS.tryLater.code,
  ERRORS.draining.code,
  ERRORS.rateLimited.code,
  ERRORS.noAnswer.code,
  ERRORS.deadLetter.code,
]);
/** Close codes after which a reconnect would end the same way: ours, and those of RFC 6455 that blame the client. */
const FINAL_CLOSES: ReadonlySet<number> = new Set([
  ...Object.values(CLOSES)
    .filter((entry) => entry.reconnect === 'never')
    .map((entry) => entry.code),
  ...[1002, 1003, 1007, 1008, 1009, 1010],
]);

/** What the other codes of ours ask for; a connection that broke without one is resumed. */
const ADVICE: ReadonlyMap<number, ReconnectAdvice> = new Map(
  Object.values(CLOSES).flatMap(({ code, reconnect }) => (reconnect === 'never' ? [] : [[code, reconnect] as const])),
);

class ReferenceDriver<Context> implements TargetDriver<Context> {
  readonly name = 'reference';
  readonly capabilities = { resume: true, acknowledges: true, receipts: true, idempotent: true };
  readonly events: DriverEvents<Context>;
  readonly directory: ShardDirectory;
  readonly client: WebSocketClient<ReferenceConnection<Context>>;
  readonly #sign: ((payload: { sub: string }) => string) | undefined;
  /** Connections that owe an acknowledgement. */
  #dirty: ReferenceConnection<Context>[] = [];
  #ackTimer: NodeJS.Timeout | undefined;
  /** `performance.now()` of the last look at the table of owners. */
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #stale = true;

  constructor(options: DriverOptions, events: DriverEvents<Context>) {
    this.events = events;
    this.directory = new ShardDirectory(options.target);
    if (options.authSecret !== undefined)
      this.#sign = createSigner({ key: options.authSecret, algorithm: 'HS256', expiresIn: TOKEN_LIFETIME_MS });
    this.client = new WebSocketClient(
      {
        open: (ws) => ws.context.handleOpen(),
        message: (ws, data, binary) => ws.context.handleMessage(data, binary),
        closed: (ws, code, reason, error) => ws.context.handleClosed(code, reason, error),
      },
      { nextMask: xorshift32(randomInt(1, 2 ** 32)) },
    );
  }

  async prepare(): Promise<void> {
    await this.directory.refresh();
    this.#stale = false;
    this.#refreshedAt = performance.now();
  }

  async connect(options: ConnectOptions<Context>): Promise<DriverConnection<Context>> {
    if (this.#stale && performance.now() - this.#refreshedAt >= REFRESH_INTERVAL_MS) await this.#askAgain(options.user);
    const deadline = performance.now() + options.timeoutMs;
    try {
      return await this.#connectOrFollow(options, deadline);
    } catch (error) {
      if (error instanceof DriverError && error.side === 'server') this.#stale = true;
      throw error;
    }
  }

  flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flushAcknowledgement();
  }

  async close(): Promise<void> {
    this.flush();
    clearInterval(this.#ackTimer);
    this.#ackTimer = undefined;
    await this.client.close(1000);
  }

  /** Start a WebSocket for a connection that is being made. */
  dial(
    connection: ReferenceConnection<Context>,
    options: ConnectOptions<Context>,
    timeoutMs: number,
  ): WebSocketConnection<ReferenceConnection<Context>> {
    const { user, device, after } = options;
    const endpoint = this.directory.endpoint(user);
    if (endpoint === undefined) throw new DriverError('server', `no server holds the shard of user "${user}" now`);
    let path = `/v1/connect?user=${encodeURIComponent(user)}&device=${encodeURIComponent(device)}`;
    if (after !== undefined) path += `&after=${after}`;
    const headers = this.#sign === undefined ? undefined : { Authorization: `Bearer ${this.#sign({ sub: user })}` };
    const request = { ...endpoint, path, protocol: BINARY_SUBPROTOCOL, timeoutMs };
    return this.client.connect(headers === undefined ? request : { ...request, headers }, connection);
  }

  /** Have `connection` acknowledge within the interval. */
  acknowledgeSoon(connection: ReferenceConnection<Context>): void {
    this.#dirty.push(connection);
    this.#ackTimer ??= setInterval(() => {
      if (this.#dirty.length > 0) return this.flush();
      clearInterval(this.#ackTimer);
      this.#ackTimer = undefined;
    }, ACK_INTERVAL_MS);
  }

  /** Without an answer from the router the owner that is known may still be there. */
  async #askAgain(user: string): Promise<void> {
    try {
      await this.prepare();
    } catch (error) {
      if (this.directory.endpoint(user) === undefined) throw error;
      this.#refreshedAt = performance.now();
    }
  }

  async #connectOrFollow(options: ConnectOptions<Context>, deadline: number): Promise<DriverConnection<Context>> {
    const first = new ReferenceConnection(this, options);
    if ((await first.connecting(options, deadline)) === undefined) return first;
    const second = new ReferenceConnection(this, options);
    const url = await second.connecting(options, deadline);
    if (url !== undefined)
      throw new DriverError('server', `user "${options.user}" was redirected twice, at last to ${url}`);
    return second;
  }
}

/** Reused by all connections: a frame is encoded and handed to the WebSocket before anything else is. */
const writer = new FrameWriter();

class ReferenceConnection<Context> implements DriverConnection<Context>, ServerFrames {
  readonly user: string;
  context: Context;
  position = 0;
  head = 0;
  readonly #driver: ReferenceDriver<Context>;
  #ws: WebSocketConnection<ReferenceConnection<Context>> | undefined;
  /** While connecting: settles `connecting`. */
  #connecting: Connecting | undefined;
  /** Sequences beyond a gap, ascending: a `sent` may overtake messages. */
  #ahead: number[] | undefined;
  #unsettled: UnsettledSends | undefined;
  #acknowledged = 0;
  #owesAck = false;
  /** Nothing is reported any more. */
  #silent = false;

  constructor(driver: ReferenceDriver<Context>, options: ConnectOptions<Context>) {
    this.#driver = driver;
    this.user = options.user;
    this.context = options.context;
  }

  /** Connect; resolves with undefined when welcomed, or with the URL of a redirect. Rejects with a DriverError. */
  connecting(options: ConnectOptions<Context>, deadline: number): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.#connecting = { resolve, reject, deadline, redirect: undefined };
      this.#ws = this.#driver.dial(this, options, Math.max(0, deadline - performance.now()));
    });
  }

  send(to: string, id: number, body: Uint8Array): void {
    if (this.#silent || !this.#ws!.isOpen) return;
    writer.reset();
    if (this.#owesAck && this.position > this.#acknowledged) this.#encodeAck();
    encodeSend(writer, id, to, body);
    this.#unsettled ??= new UnsettledSends();
    this.#unsettled.add(id, to);
    this.#ws!.send(writer.view());
  }

  close(orderly: boolean): void {
    if (orderly) this.#acknowledge();
    this.#silent = true;
    if (orderly) this.#ws!.close();
    else this.#ws!.destroy();
  }

  /** Called once after `acknowledgeSoon`. */
  flushAcknowledgement(): void {
    this.#owesAck = false;
    this.#acknowledge();
  }

  handleOpen(): void {
    this.#ws!.expectWithin(Math.max(0, (this.#connecting?.deadline ?? 0) - performance.now()));
  }

  /** Acknowledge what is not acknowledged yet, if anything. */
  #acknowledge(): void {
    if (this.position <= this.#acknowledged || !this.#ws!.isOpen) return;
    writer.reset();
    this.#encodeAck();
    this.#ws!.send(writer.view());
  }

  handleMessage(data: Buffer, binary: boolean): void {
    try {
      if (!binary) throw new FrameError('a text message on the binary subprotocol');
      decodeServerFrames(data, this);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#ws!.destroy();
      this.#ended(CLOSES.malformed.code, error.message);
    }
  }

  handleClosed(code: number, reason: string, error: DriverError | undefined): void {
    this.#ended(code, error?.message ?? reason, error);
  }

  welcome(message: Welcome): void {
    if (this.#connecting === undefined) throw new FrameError('a second welcome');
    const { resolve } = this.#connecting;
    this.#connecting = undefined;
    this.#ws!.expectWithin(undefined);
    this.position = this.#acknowledged = message.after;
    this.head = message.head;
    resolve(undefined);
  }

  sent(id: number, seq: number, _time: number): void {
    if (this.#connecting !== undefined) throw new FrameError('a sent before the welcome');
    this.#advance(seq);
    if (this.#silent) return;
    const delivered = this.#unsettled?.acknowledged(id, seq) === true;
    this.#driver.events.sent(this, id);
    if (delivered && !this.#silent) this.#driver.events.delivered(this, id);
    this.#forgetSettled();
  }

  message(direction: 'in' | 'out', seq: number, _id: number, _time: number, peer: string, body: Buffer): void {
    if (this.#connecting !== undefined) throw new FrameError('a message before the welcome');
    this.#advance(seq);
    if (this.position - this.#acknowledged >= ACK_MESSAGES) {
      this.#acknowledge();
    } else if (!this.#owesAck) {
      this.#owesAck = true;
      this.#driver.acknowledgeSoon(this);
    }
    if (direction === 'in' && !this.#silent) this.#driver.events.received(this, peer, body);
  }

  receipt(state: 'delivered' | 'stored', peer: string, upTo: number): void {
    if (state !== 'delivered' || this.#unsettled === undefined) return;
    for (const id of this.#unsettled.delivered(peer, upTo)) if (!this.#silent) this.#driver.events.delivered(this, id);
    this.#forgetSettled();
  }

  error(code: number, id: number, retryAfterMs: number, text: string): void {
    if (id === 0) return;
    this.#unsettled?.failed(id);
    this.#forgetSettled();
    if (!this.#silent) this.#driver.events.sendFailed(this, id, text, RETRYABLE_ERRORS.has(code), retryAfterMs);
  }

  /** Groups and presence are not driven yet: what comes of them unasked is passed over. */
  group(): void {}

  presence(): void {}

  redirect(url: string): void {
    if (this.#connecting !== undefined) this.#connecting.redirect = url;
    else this.#driver.directory.redirect(this.user, url).catch(() => {});
  }

  reset(position: number): void {
    this.position = position;
    this.#acknowledged = Math.min(this.#acknowledged, position);
    this.#ahead = undefined;
  }

  #encodeAck(): void {
    encodeAck(writer, this.position);
    this.#acknowledged = this.position;
  }

  /** Idle connections keep no list. */
  #forgetSettled(): void {
    if (this.#unsettled?.size === 0) this.#unsettled = undefined;
  }

  #advance(seq: number): void {
    if (seq === this.position + 1) {
      this.position = seq;
      const ahead = this.#ahead;
      if (ahead === undefined) return;
      while (ahead[0] === this.position + 1) this.position = ahead.shift()!;
      if (ahead.length === 0) this.#ahead = undefined;
    } else if (seq > this.position) {
      this.#ahead ??= [];
      let at = this.#ahead.length;
      while (at > 0 && this.#ahead[at - 1]! > seq) at--;
      if (this.#ahead[at - 1] !== seq) this.#ahead.splice(at, 0, seq);
    }
  }

  #ended(code: number, reason: string, error?: DriverError): void {
    if (this.#connecting !== undefined) {
      const { resolve, reject, redirect } = this.#connecting;
      this.#connecting = undefined;
      this.#silent = true;
      if (redirect === undefined) {
        const text = `the server closed the connection before the welcome: ${code} ${reason}`.trimEnd();
        reject(error ?? new DriverError('server', text, { final: FINAL_CLOSES.has(code) }));
      } else {
        this.#driver.directory.redirect(this.user, redirect).then(() => resolve(redirect), reject);
      }
    } else if (!this.#silent) {
      this.#silent = true;
      this.#driver.events.closed(this, code, reason, !FINAL_CLOSES.has(code), ADVICE.get(code));
    }
  }
}

interface Connecting {
  resolve: (redirect: string | undefined) => void;
  reject: (error: unknown) => void;
  /** `performance.now()` by which the welcome must be there. */
  deadline: number;
  redirect: string | undefined;
}
