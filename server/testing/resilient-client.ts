/**
 * A client as PROTOCOL.md wants it, for whole-program tests: it asks the router, follows redirects, reconnects with full
 * jitter, resumes from its position, repeats what is not acknowledged in order and with the same ids, and checks on the
 * way that its timeline has no hole, no double and one order. What breaks the protocol is written down in `violations`.
 */
import { WebSocket } from 'ws';
import { JSON_SUBPROTOCOL } from '../protocol/messages.ts';
import type { Frame } from './test-client.ts';
import { until } from './until.ts';

export interface ResilientClientOptions {
  /** `http://host:port` of the router. */
  router: string;
  user: string;
  device?: string;
  token?: string;
  /** Numbers 0 ≤ x < 1 for the jitter. */
  random?: () => number;
  /** Bound of the first pause and of the longest, ms; shorter than PROTOCOL.md's, so that tests are quick. */
  pauseMs?: { first: number; most: number };
  /** Sends not yet acknowledged that are under way at a time. */
  window?: number;
  /** Position to start from. */
  after?: number;
}

export interface PendingSend {
  id: number;
  to: string;
  body: string;
}

const ACK_EVERY = 32;
const ACK_INTERVAL_MS = 50;
const CONNECT_TIMEOUT_MS = 5_000;
const RETRYABLE_ERRORS: ReadonlySet<number> = new Set([1004, 1006, 1009]);
const FINAL_CLOSES: ReadonlySet<number> = new Set([4400, 4401, 4403, 4413]);

export class ResilientClient {
  readonly user: string;
  /** Entries of the timeline by `seq`, as `message` frames brought them; own sends of this device may be missing. */
  readonly entries = new Map<number, Frame>();
  /** `sent` by client message id, the first of each. */
  readonly sent = new Map<number, Frame>();
  /** All `error` frames. */
  readonly errors: Frame[] = [];
  /** Sends that failed for good, by id. */
  readonly failed = new Map<number, Frame>();
  /** Codes of all closes, 1006 where there was none. */
  readonly closes: number[] = [];
  /** How often a connection was welcomed. */
  welcomes = 0;
  resets = 0;
  readonly violations: string[] = [];
  /** Everything up to here has been seen. */
  position: number;
  /** Newest sequence that the server is known to have. */
  head = 0;
  #options: ResilientClientOptions;
  #pauseMs: { first: number; most: number };
  #socket: WebSocket | null = null;
  #welcomed = false;
  #ahead = new Set<number>();
  /** Not acknowledged, in order; the first `#underWay` of them have been sent on this connection. */
  #pending: PendingSend[] = [];
  #underWay = 0;
  #held = false;
  /** Seen on the present connection as `message`. */
  #newestHere = 0;
  #acked = 0;
  #lastId = 0;
  #failures = 0;
  #closed = false;
  #timers = new Set<NodeJS.Timeout>();
  #ackTimer: NodeJS.Timeout | undefined;

  constructor(options: ResilientClientOptions) {
    this.#options = options;
    this.user = options.user;
    this.position = options.after ?? 0;
    this.#pauseMs = options.pauseMs ?? { first: 200, most: 2_000 };
    void this.#connect();
  }

  get connected(): boolean {
    return this.#welcomed;
  }

  /** Sends not yet answered, oldest first. */
  get pending(): readonly PendingSend[] {
    return this.#pending;
  }

  /** Messages from others, in the order of the timeline. */
  get received(): Frame[] {
    return [...this.entries.values()].filter(({ direction }) => direction === 'in').sort((a, b) => a.seq! - b.seq!);
  }

  /** Queue a message; it is repeated until it is answered. Returns its id (rising by one; the first is 1 unless given). */
  send(to: string, body: string, id = this.#lastId + 1): number {
    this.#lastId = Math.max(this.#lastId, id);
    this.#pending.push({ id, to, body });
    this.#pump();
    return id;
  }

  /** Until every send is answered. */
  async untilSettled(timeoutMs = 30_000): Promise<void> {
    await until(`all sends of ${this.user} to be answered`, () => this.#pending.length === 0, timeoutMs);
  }

  /** Until so many messages from others have come. */
  async untilReceived(count: number, timeoutMs = 30_000): Promise<Frame[]> {
    return until(
      `${count} messages to reach ${this.user}`,
      () => this.received.length >= count && this.received,
      timeoutMs,
    );
  }

  async untilConnected(timeoutMs = 30_000): Promise<void> {
    await until(`${this.user} to be connected`, () => this.#welcomed, timeoutMs);
  }

  /** Lose the connection as a broken network would; it reconnects. */
  drop(): void {
    this.#socket?.terminate();
  }

  close(): void {
    this.#closed = true;
    this.#acknowledge();
    for (const timer of this.#timers) clearTimeout(timer);
    clearTimeout(this.#ackTimer);
    this.#socket?.close();
    this.#socket = null;
    this.#welcomed = false;
  }

  async #connect(url?: string): Promise<void> {
    const { router, user, device = 'resilient', token } = this.#options;
    try {
      const query = new URLSearchParams({ user, device, after: `${this.position}` });
      if (token !== undefined) query.set('token', token);
      const target = url ?? (await this.#ask(`${router}/v1/route?user=${encodeURIComponent(user)}`));
      if (this.#closed) return;
      this.#open(`${target}/v1/connect?${query}`);
    } catch {
      this.#later(() => this.#connect(), this.#backoff(false));
    }
  }

  async #ask(address: string): Promise<string> {
    const response = await fetch(address, { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return ((await response.json()) as { url: string }).url;
  }

  #open(address: string): void {
    const socket = new WebSocket(address, [JSON_SUBPROTOCOL], {
      perMessageDeflate: false,
      handshakeTimeout: CONNECT_TIMEOUT_MS,
    });
    this.#socket = socket;
    this.#newestHere = 0;
    let redirect: string | undefined;
    socket.on('message', (data: Buffer) => {
      if (this.#socket !== socket) return;
      const frame = JSON.parse(data.toString()) as Frame;
      if (frame.type === 'redirect') redirect = frame.url;
      else this.#hear(frame);
    });
    socket.on('error', () => {}); // the close follows
    socket.on('close', (code) => {
      if (this.#socket !== socket) return;
      this.#socket = null;
      this.closes.push(code);
      const resume = this.#welcomed;
      this.#welcomed = false;
      if (FINAL_CLOSES.has(code)) {
        this.violations.push(`closed for good with ${code}`);
        return;
      }
      if (redirect !== undefined && this.#failures++ === 0) void this.#connect(redirect);
      else this.#later(() => this.#connect(), this.#backoff(resume));
    });
  }

  #hear(frame: Frame): void {
    if (frame.type === 'welcome') this.#welcome(frame);
    else if (!this.#welcomed) this.violations.push(`a ${frame.type} before the welcome`);
    else if (frame.type === 'message') this.#message(frame);
    else if (frame.type === 'sent') this.#answered(frame);
    else if (frame.type === 'error') this.#refused(frame);
    else if (frame.type === 'reset') {
      this.resets++;
      this.position = frame.position!;
      this.#ahead.clear();
    }
  }

  #welcome(frame: Frame): void {
    if (frame.head! < this.position) this.violations.push(`head ${frame.head} is below position ${this.position}`);
    this.welcomes++;
    this.#welcomed = true;
    this.#failures = 0;
    this.#acked = this.position;
    this.#underWay = 0;
    this.head = Math.max(this.head, frame.head!);
    this.#pump();
  }

  #message(frame: Frame): void {
    const seq = frame.seq!;
    if (seq <= this.#newestHere) this.violations.push(`entry ${seq} after ${this.#newestHere} on one connection`);
    this.#newestHere = seq;
    const known = this.entries.get(seq);
    if (known !== undefined && (known.id !== frame.id || known.peer !== frame.peer || known.body !== frame.body)) {
      this.violations.push(`entry ${seq} has changed`);
    }
    this.entries.set(seq, known ?? frame);
    this.#advance(seq);
    if (this.position - this.#acked >= ACK_EVERY) this.#acknowledge();
    else this.#ackTimer ??= setTimeout(() => this.#acknowledge(), ACK_INTERVAL_MS);
  }

  #answered(frame: Frame): void {
    const known = this.sent.get(frame.id!);
    if (known !== undefined && known.seq !== frame.seq) {
      this.violations.push(`message ${frame.id} was stored twice, as ${known.seq} and ${frame.seq}`);
    }
    this.sent.set(frame.id!, known ?? frame);
    this.#advance(frame.seq!);
    this.#settle(frame.id!);
  }

  #refused(frame: Frame): void {
    this.errors.push(frame);
    if (!RETRYABLE_ERRORS.has(frame.code!)) {
      this.failed.set(frame.id!, frame);
      this.#settle(frame.id!);
      return;
    }
    if (this.#held) return;
    // What was sent behind it may have been taken or not: all is repeated, in order.
    this.#held = true;
    this.#later(() => {
      this.#held = false;
      this.#underWay = 0;
      this.#pump();
    }, 100);
  }

  #settle(id: number): void {
    const at = this.#pending.findIndex((send) => send.id === id);
    if (at < 0) return;
    this.#pending.splice(at, 1);
    if (at < this.#underWay) this.#underWay--;
    this.#pump();
  }

  #pump(): void {
    while (
      this.#welcomed &&
      !this.#held &&
      this.#underWay < Math.min(this.#pending.length, this.#options.window ?? 16)
    ) {
      const send = this.#pending[this.#underWay++]!;
      this.#socket!.send(JSON.stringify({ type: 'send', ...send }));
    }
  }

  #advance(seq: number): void {
    this.head = Math.max(this.head, seq);
    if (seq > this.position) this.#ahead.add(seq);
    while (this.#ahead.delete(this.position + 1)) this.position++;
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    if (!this.#welcomed || this.position <= this.#acked) return;
    this.#acked = this.position;
    this.#socket!.send(JSON.stringify({ type: 'ack', seq: this.position }));
  }

  /** ms; the first pause after a connection that stood does not count as a failure. */
  #backoff(resume: boolean): number {
    const { first, most } = this.#pauseMs;
    const bound = Math.min(first * 2 ** (resume ? 0 : this.#failures++), most);
    return (this.#options.random ?? Math.random)() * bound;
  }

  #later(task: () => unknown, ms: number): void {
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void task();
    }, ms);
    this.#timers.add(timer);
  }
}
