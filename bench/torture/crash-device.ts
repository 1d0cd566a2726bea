/**
 * A device of the crash test: connects to wherever the router says, resumes from its position, repeats what has no answer with
 * the same client message id, acknowledges what it has, and checks on the way what a connection promises (PROTOCOL.md).
 */
import type { WebSocketClient, WebSocketConnection } from '../../loadgen/drivers/websocket-client.ts';
import type { Random } from '../../loadgen/random.ts';
import {
  decodeServerFrames,
  encodeAck,
  encodeSend,
  encodeSendGroup,
  encodeStatus,
  FrameWriter,
  type ServerFrames,
} from '../../server/protocol/codec.ts';
import { BINARY_SUBPROTOCOL, type Welcome } from '../../server/protocol/messages.ts';
import type { CrashEntry, CrashMessage, CrashRecord, CrashUser } from './crash-record.ts';

export type CrashSocket = WebSocketConnection<CrashDevice>;

export interface CrashDeviceOptions {
  record: CrashRecord;
  user: CrashUser;
  /** Over all users. */
  number: number;
  client: WebSocketClient<CrashDevice>;
  router: () => string;
  random: Random;
}

const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_MOST_MS = 250;
const REFUSED_PAUSE_MS = 200;
/** Without an answer for so long, messages are sent again on the same connection. */
const REPEAT_AFTER_MS = 4_000;
const ACK_AFTER_MS = 50;
const STATUS_PEERS = 256;

export class CrashDevice implements ServerFrames {
  readonly user: CrashUser;
  readonly number: number;
  /** Sent or to be sent, not answered, in the order of sending. */
  readonly unanswered = new Map<number, CrashMessage>();
  /** Everything up to here was received. */
  position = 0;
  /** Newest place at the last connect. */
  head = 0;
  welcomed = false;
  connects = 0;
  /** Answers to requests about groups, by their id; 0 when it went well, else the error's code. */
  readonly groupAnswers = new Map<number, number>();
  /** Refusals by code: no broken promises, but worth knowing. */
  readonly refusals = new Map<number, number>();
  #options: CrashDeviceOptions;
  #socket: CrashSocket | undefined;
  #ended = false;
  #asked = 0;
  #pushedUpTo = 0;
  #beyond = new Set<number>();
  #onConnection = new Set<number>();
  /** Places that were passed over and have not come yet: only the answers to this device's own sends may fill them. */
  #skipped = new Set<number>();
  #groupRequests = new Set<number>();
  #lastSent = 0;
  #acked = 0;
  #ackTimer: NodeJS.Timeout | undefined;

  constructor(options: CrashDeviceOptions) {
    this.#options = options;
    this.user = options.user;
    this.number = options.number;
  }

  /** Connect, `back` places before the position; repeats until it succeeds or `end` is called. */
  async connect(back = 0): Promise<void> {
    if (this.#ended || this.#socket !== undefined) return;
    const from = Math.max(0, this.position - back);
    let url: URL;
    try {
      const response = await fetch(`${this.#options.router()}/v1/route?user=${this.user.name}`, {
        signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS),
      });
      url = new URL(((await response.json()) as { url: string }).url);
    } catch {
      this.#connectLater();
      return;
    }
    if (this.#ended || this.#socket !== undefined) return;
    this.position = from;
    this.#asked = from;
    // The position given at connect counts as an acknowledgement.
    this.#noteAcknowledged(from);
    this.#socket = this.#options.client.connect(
      {
        host: url.hostname,
        port: Number(url.port),
        path: `/v1/connect?user=${this.user.name}&device=d${this.number}&after=${from}`,
        protocol: BINARY_SUBPROTOCOL,
        timeoutMs: CONNECT_TIMEOUT_MS,
      },
      this,
    );
  }

  /** Break the connection, as a lost network would; it comes back by itself. */
  drop(): void {
    this.#socket?.destroy();
  }

  /** No connection any more. */
  end(): void {
    this.#ended = true;
    clearTimeout(this.#ackTimer);
    this.#socket?.destroy();
  }

  send(message: CrashMessage): void {
    this.unanswered.set(message.id, message);
    if (this.welcomed) this.#write([message]);
  }

  /** To be called now and then: sends again what waits too long. */
  nudge(): void {
    if (!this.welcomed || this.unanswered.size === 0 || performance.now() - this.#lastSent < REPEAT_AFTER_MS) return;
    this.#write([...this.unanswered.values()]);
  }

  /** Ask how far everybody has received what this user sent. */
  ask(): void {
    const peers = [...this.user.outgoing.keys()].slice(0, STATUS_PEERS);
    this.request((writer) => encodeStatus(writer, peers));
  }

  request(encode: (writer: FrameWriter) => void): void {
    if (!this.welcomed) return;
    const writer = new FrameWriter();
    encode(writer);
    this.#socket!.send(writer.view());
  }

  /** The socket is gone. */
  onClosed(): void {
    this.#socket = undefined;
    this.welcomed = false;
    this.#connectLater();
  }

  onMessage(data: Buffer): void {
    decodeServerFrames(data, this);
  }

  welcome(message: Welcome): void {
    const asked = this.#asked;
    this.connects++;
    this.welcomed = true;
    this.head = message.head;
    this.#pushedUpTo = message.after;
    this.#onConnection.clear();
    this.#beyond.clear();
    this.#acked = message.after;
    if (message.after !== asked)
      this.#problem('resume', `asked to resume after ${asked}, was resumed after ${message.after}`);
    if (this.unanswered.size > 0) this.#write([...this.unanswered.values()]);
  }

  sent(id: number, seq: number, time: number): void {
    const message = this.user.sent.get(id);
    if (message === undefined) {
      this.#problem('invented', `an answer to ${id}, which was not sent`);
      return;
    }
    if (message.seq > 0 && message.seq !== seq)
      this.#problem('changed', `message ${id} was answered by ${message.seq} and by ${seq}`);
    const first = message.seq === 0;
    message.seq = seq;
    this.unanswered.delete(id);
    const { to, toGroup, body } = message;
    const [peer, group] = toGroup ? [this.user.name, to] : [to, ''];
    this.#take({ direction: 'out', seq, id, time, peer, body, group, groupSeq: 0 });
    // What an earlier connection has stored is streamed as well; what this one has sent first must not be.
    if (first) this.#options.record.latenciesMs.push(performance.now() - message.sentAtMs);
    if (first && message.firstSentOn === this.connects) this.#takeOnce(seq);
  }

  message(
    direction: 'in' | 'out',
    seq: number,
    id: number,
    time: number,
    peer: string,
    body: Buffer,
    group: string,
    groupSeq: number,
  ): void {
    if (seq <= this.#pushedUpTo) this.#problem('resume', `place ${seq} came after ${this.#pushedUpTo}`);
    this.#takeOnce(seq);
    for (let passed = this.#pushedUpTo + 1; passed < seq; passed++)
      if (passed > this.position && !this.#beyond.has(passed)) this.#skipped.add(passed);
    this.#pushedUpTo = Math.max(this.#pushedUpTo, seq);
    if (this.#skipped.delete(seq) && (direction === 'in' || this.user.sent.get(id)?.device !== this.number))
      this.#problem('gap', `place ${seq} was passed over on an earlier connection`);
    this.#take({ direction, seq, id, time, peer, body: body.toString(), group, groupSeq });
    this.#ackSoon();
  }

  receipt(state: 'delivered' | 'stored', peer: string, upTo: number): void {
    if (state === 'delivered') this.#options.record.delivered(this.user, peer, upTo);
  }

  error(code: number, id: number, retryAfterMs: number, text: string): void {
    if (this.#groupRequests.has(id)) {
      this.groupAnswers.set(id, code);
      return;
    }
    const message = this.user.sent.get(id);
    if (message === undefined) {
      this.#problem('refused', `error ${code} (${text}) for ${id}`);
      return;
    }
    message.refused = true;
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    setTimeout(
      () => {
        if (this.welcomed && this.unanswered.has(id)) this.#write([...this.unanswered.values()]);
      },
      Math.max(retryAfterMs, REFUSED_PAUSE_MS),
    );
  }

  redirect(): void {} // the close follows, and then the question to the router

  reset(position: number): void {
    this.#problem('resume', `reset to ${position} after ${this.#asked} was asked for, although nothing was trimmed`);
    this.position = position;
  }

  group(id: number): void {
    if (id > 0) this.groupAnswers.set(id, 0);
  }

  presence(): void {}

  /** An answer with this id belongs to a request about a group. */
  expectGroupAnswer(id: number): void {
    this.#groupRequests.add(id);
  }

  #write(messages: CrashMessage[]): void {
    this.#lastSent = performance.now();
    const writer = new FrameWriter();
    for (const message of messages) {
      const { id, to, toGroup, body } = message;
      message.firstSentOn ||= this.connects;
      message.sentAtMs ||= performance.now();
      if (toGroup) encodeSendGroup(writer, id, to, Buffer.from(body));
      else encodeSend(writer, id, to, Buffer.from(body));
    }
    this.#socket!.send(writer.view());
  }

  #takeOnce(seq: number): void {
    if (this.#onConnection.has(seq)) this.#problem('duplicated', `place ${seq} came twice on one connection`);
    this.#onConnection.add(seq);
  }

  #take(entry: CrashEntry): void {
    this.#options.record.saw(this.user, entry);
    if (entry.seq <= this.position) return;
    this.#beyond.add(entry.seq);
    while (this.#beyond.delete(this.position + 1)) this.position++;
  }

  #ackSoon(): void {
    this.#ackTimer ??= setTimeout(() => {
      this.#ackTimer = undefined;
      if (!this.welcomed || this.position <= this.#acked) return;
      this.#acked = this.position;
      this.#noteAcknowledged(this.position);
      this.request((writer) => encodeAck(writer, this.position));
    }, ACK_AFTER_MS);
  }

  #noteAcknowledged(seq: number): void {
    this.user.acknowledged = Math.max(this.user.acknowledged, seq);
  }

  #connectLater(): void {
    const { random } = this.#options;
    // Now and then from an earlier place, as a device does that forgot.
    const back = random.integer(5) === 0 ? random.integer(20) : 0;
    if (!this.#ended) setTimeout(() => void this.connect(back), random.integer(RECONNECT_MOST_MS));
  }

  #problem(kind: Parameters<CrashRecord['problem']>[0], text: string): void {
    this.#options.record.problem(
      kind,
      `${this.user.name}, device ${this.number}, connection ${this.connects}: ${text}`,
    );
  }
}
