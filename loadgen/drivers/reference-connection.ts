/** One connection of the reference driver: the frames of the binary protocol, and the state that each connection has. */
import { decodeServerFrames, FrameError, type ServerFrames } from '../../server/protocol/codec.ts';
import { CLOSES } from '../../server/protocol/errors.ts';
import { type GroupRole, LIMITS, type PresenceStates, type Welcome } from '../../server/protocol/messages.ts';
import { ADVICE, FINAL_CLOSES, RETRYABLE_ERRORS } from './reference-codes.ts';
import { ackFrame, groupFrame, sendFrame, sendGroupFrame, statusFrame, subscribeFrame } from './reference-frames.ts';
import type { GroupAsker } from './reference-groups.ts';
import type { ReferenceHost } from './reference-host.ts';
import { type ConnectOptions, type DriverConnection, DriverError } from './target-driver.ts';
import { TimelinePosition } from './timeline-position.ts';
import { UnsettledSends } from './unsettled-sends.ts';
import type { WebSocketConnection } from './websocket-client.ts';

const ACK_MESSAGES = 32;

/** Idle ones are many: what only some need is made when it is needed. */
export class ReferenceConnection<Context> implements DriverConnection<Context>, ServerFrames, GroupAsker {
  readonly user: string;
  readonly device: string;
  context: Context;
  head = 0;
  readonly #host: ReferenceHost<Context>;
  #ws: WebSocketConnection<ReferenceConnection<Context>> | undefined;
  /** While connecting: settles `connecting`. */
  #connecting: Connecting | undefined;
  readonly #position = new TimelinePosition();
  #unsettled: UnsettledSends | undefined;
  #owesAck = false;
  /** Nothing is reported any more. */
  #silent = false;

  constructor(host: ReferenceHost<Context>, options: ConnectOptions<Context>) {
    this.#host = host;
    this.user = options.user;
    this.device = options.device;
    this.context = options.context;
  }

  /** Connect; resolves with undefined when welcomed, or with the URL of a redirect. Rejects with a DriverError. */
  connecting(options: ConnectOptions<Context>, deadline: number): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.#connecting = { resolve, reject, deadline, redirect: undefined };
      this.#ws = this.#host.dial(this, options, Math.max(0, deadline - performance.now()));
    });
  }

  get position(): number {
    return this.#position.value;
  }

  get isOpen(): boolean {
    return !this.#silent && this.#ws!.isOpen;
  }

  send(to: string, id: number, body: Uint8Array): void {
    if (!this.isOpen) return;
    this.#unsettled ??= new UnsettledSends();
    this.#unsettled.add(id, to);
    this.#ws!.send(sendFrame(this.#takeAck(), id, to, body));
  }

  /** There are no receipts for group messages: with `sent` all is said. */
  sendGroup(group: string, id: number, body: Uint8Array): void {
    if (this.isOpen) this.#ws!.send(sendGroupFrame(this.#takeAck(), id, group, body));
  }

  createGroup(group: string, members: readonly string[]): Promise<void> {
    return this.#host.groups.create(this, group, members);
  }

  askGroup(id: number, action: 'create' | 'add', group: string, users: string[]): void {
    this.#ws!.send(groupFrame(id, action, group, users));
  }

  /** To be asked for on every connection anew. The server answers at once, with the state of each of these users. */
  watch(users: readonly string[]): void {
    for (let at = 0; at < users.length && this.isOpen; at += LIMITS.namedUsers)
      this.#ws!.send(subscribeFrame(users.slice(at, at + LIMITS.namedUsers)));
  }

  setPaused(paused: boolean): void {
    // Who reads nothing may be about to leave this connection for another one.
    if (paused && this.#unsettled !== undefined) this.#host.lostReceipts.keep(this, this.#unsettled);
    this.#ws!.setPaused(paused);
  }

  close(orderly: boolean): void {
    if (orderly) this.#acknowledge();
    this.#silent = true;
    this.#host.groups.ended(this);
    if (orderly) this.#ws!.close();
    else {
      if (this.#unsettled !== undefined) this.#host.lostReceipts.keep(this, this.#unsettled);
      this.#ws!.destroy();
    }
  }

  /** Called once after `acknowledgeSoon`. */
  flushAcknowledgement(): void {
    this.#owesAck = false;
    this.#acknowledge();
  }

  handleOpen(): void {
    this.#ws!.expectWithin(Math.max(0, (this.#connecting?.deadline ?? 0) - performance.now()));
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
    this.#position.start(message.after);
    this.head = message.head;
    this.#unsettled = this.#host.lostReceipts.take(this);
    this.#askForReceipts(this.#unsettled?.peersOf());
    resolve(undefined);
  }

  sent(id: number, seq: number, _time: number): void {
    if (this.#connecting !== undefined) throw new FrameError('a sent before the welcome');
    this.#position.advance(seq);
    if (this.#silent) return;
    const receipt = this.#unsettled?.acknowledged(id, seq);
    this.#host.events.sent(this, id);
    if (receipt === 'delivered' && !this.#silent) this.#host.events.delivered(this, id);
    if (receipt === 'stored' && !this.#silent) this.#host.events.stored?.(this, id);
    // The answer to a repeat: what was stored before this connection began may have had its receipt before, too.
    if (receipt === 'waiting' && seq <= this.head) this.#askForReceipts(this.#unsettled?.peersOf([id]));
    this.#forgetSettled();
  }

  message(
    direction: 'in' | 'out',
    seq: number,
    _id: number,
    _time: number,
    peer: string,
    body: Buffer,
    group: string,
  ): void {
    if (this.#connecting !== undefined) throw new FrameError('a message before the welcome');
    this.#position.advance(seq);
    if (this.#position.unacknowledged >= ACK_MESSAGES) {
      this.#acknowledge();
    } else if (!this.#owesAck) {
      this.#owesAck = true;
      this.#host.acknowledgeSoon(this);
    }
    if (direction === 'out' || this.#silent) return;
    if (group === '') this.#host.events.received(this, peer, body);
    else this.#host.events.received(this, peer, body, group);
  }

  receipt(state: 'delivered' | 'stored', peer: string, upTo: number): void {
    if (this.#unsettled === undefined) return;
    for (const id of this.#unsettled[state](peer, upTo)) if (!this.#silent) this.#host.events[state]?.(this, id);
    this.#forgetSettled();
  }

  error(code: number, id: number, retryAfterMs: number, text: string): void {
    if (id === 0 || this.#host.groups.failed(id, code, retryAfterMs, text)) return;
    this.#unsettled?.failed(id);
    this.#forgetSettled();
    if (!this.#silent) this.#host.events.sendFailed(this, id, text, RETRYABLE_ERRORS.has(code), retryAfterMs);
  }

  group(id: number, _group: string, _role: GroupRole, members: number, head: number): void {
    if (id !== 0) this.#host.groups.answered(id, members, head);
  }

  presence(users: PresenceStates['users']): void {
    if (!this.#silent) this.#host.events.presence?.(this, users.length);
  }

  redirect(url: string): void {
    if (this.#connecting !== undefined) this.#connecting.redirect = url;
    else this.#host.directory.redirect(this.user, url).catch(() => {});
  }

  reset(position: number): void {
    this.#position.reset(position);
  }

  /** Acknowledge what is not acknowledged yet, if anything. */
  #acknowledge(): void {
    if (this.#position.unacknowledged > 0 && this.#ws!.isOpen) this.#ws!.send(ackFrame(this.#position.acknowledge()));
  }

  /** What to acknowledge along with a send; 0: nothing. */
  #takeAck(): number {
    return this.#owesAck && this.#position.unacknowledged > 0 ? this.#position.acknowledge() : 0;
  }

  /** Idle connections keep no list. */
  #forgetSettled(): void {
    if (this.#unsettled?.size === 0) this.#unsettled = undefined;
  }

  #askForReceipts(peers: string[] = []): void {
    for (let at = 0; at < peers.length && this.#ws!.isOpen; at += LIMITS.statusPeers)
      this.#ws!.send(statusFrame(peers.slice(at, at + LIMITS.statusPeers)));
  }

  #ended(code: number, reason: string, error?: DriverError): void {
    this.#host.groups.ended(this);
    if (this.#connecting !== undefined) {
      const { resolve, reject, redirect } = this.#connecting;
      this.#connecting = undefined;
      this.#silent = true;
      if (redirect === undefined) {
        const text = `the server closed the connection before the welcome: ${code} ${reason}`.trimEnd();
        reject(error ?? new DriverError('server', text, { final: FINAL_CLOSES.has(code) }));
      } else {
        this.#host.directory.redirect(this.user, redirect).then(() => resolve(redirect), reject);
      }
    } else if (!this.#silent) {
      this.#silent = true;
      if (this.#unsettled !== undefined) this.#host.lostReceipts.keep(this, this.#unsettled);
      this.#host.events.closed(this, code, reason, !FINAL_CLOSES.has(code), ADVICE.get(code));
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
