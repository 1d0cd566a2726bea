/** Messages of an agent: from the intended send to the acknowledgement, the arrival and the receipt, and the record of each. */
import type { Clock } from '../clock.ts';
import type { TargetDriver } from '../drivers/target-driver.ts';
import { devicesOf } from '../population/devices.ts';
import { userName } from '../population/partners.ts';
import { createPayloadSizes } from '../population/payload-sizes.ts';
import type { TrafficPlan } from '../population/plan.ts';
import type { Random } from '../random.ts';
import { ReceiverLedger, SenderLedger } from '../recorder/delivery-ledger.ts';
import { FanOutTracker } from '../recorder/fan-out.ts';
import type { IntervalRecorder } from '../recorder/interval-recorder.ts';
import { deviceKey, GROUP_CODE } from '../recorder/ledger-keys.ts';
import { MESSAGE_HEADER_BYTES, type MessageHeader, readHeader, writeHeader } from '../recorder/message-header.ts';
import type { CounterName } from '../recorder/metrics.ts';
import type { Phase } from '../recorder/samples.ts';
import type { AgentCounters } from './agent-counters.ts';
import {
  countUnacknowledged,
  findOutstanding,
  type OutstandingMessage,
  settleOutstanding,
  type VirtualUser,
} from './virtual-user.ts';

export interface MessagesOptions {
  traffic: TrafficPlan;
  runTag: number;
  clock: Clock;
  random: Random;
  driver: TargetDriver<VirtualUser>;
  recorder: IntervalRecorder;
  counters: AgentCounters;
  phaseOf: (timeMs: number) => Phase;
  /** Users who would receive a group's messages, the sender's devices left out. */
  groupReceivers: (group: number, sender: number) => number;
  /** At the server. */
  groupName: (group: number) => string;
  /** Whether the way of a message from this user can be timed: the sender's clock is known well enough. */
  timed: (sender: number) => boolean;
  /** A message is acknowledged, or given up. */
  finished: (user: VirtualUser, stream: number) => void;
}

/** A user who can’t send now (no connection, or told to wait) keeps this many messages; more are dropped and counted. */
const KEPT_WHILE_AWAY = 100;
const RETRY_MS = 1_000;

export class Messages {
  readonly sender = new SenderLedger();
  readonly receiver = new ReceiverLedger();
  readonly fanOut = new FanOutTracker();
  /** Deliveries that what was sent should lead to, without what was refused for good. */
  expected = 0;
  /** Messages that are not through: acknowledged, and receipted where there are receipts, or given up. */
  awaitingReceipt = 0;
  /** Of these, those that the server has not answered. */
  unacknowledged = 0;
  /** Dropped because the server had left their users without a connection. */
  droppedAway = 0;
  /** Nothing is repeated any more. */
  closing = false;
  #options: MessagesOptions;
  #body: Buffer;
  #nextBytes: () => number;
  #lastId = 0;
  /** Samples of several streams are told apart; of one they need not be. */
  #tagged: boolean;

  constructor(options: MessagesOptions) {
    const { traffic, random } = options;
    this.#options = options;
    this.#body = letters(random.fork('body'));
    this.#tagged = tagsOf(traffic).length > 0;
    this.#nextBytes = createPayloadSizes(traffic.payload, random.fork('payload'));
  }

  /** Start a message to a user, or to a group (`GROUP_CODE` + its number). False: dropped, for the user keeps too many already. */
  start(user: VirtualUser, recipient: number, stream: number, intendedMs: number): boolean {
    const away = user.connection === null || user.held;
    if (away && countUnacknowledged(user, KEPT_WHILE_AWAY) >= KEPT_WHILE_AWAY) {
      this.droppedAway++;
      this.dropped(stream, intendedMs);
      return false;
    }
    const { clock } = this.#options;
    const number = this.sender.next(user.index, recipient);
    // Ids increase over reconnects and runs: a time in µs, moved on by one where two would be equal.
    this.#lastId = Math.max(this.#lastId + 1, Math.floor(clock.toEpochMs(clock.nowMs()) * 1_000));
    const message: OutstandingMessage = {
      id: this.#lastId,
      stream,
      number,
      recipient,
      bytes: this.#nextBytes(),
      intendedMs,
      actualMs: 0,
      acknowledged: false,
      stored: false,
    };
    user.outstanding.push(message);
    this.awaitingReceipt++;
    this.unacknowledged++;
    // Offered even if its user never gets to send it.
    this.#count('deliveries_expected', intendedMs, stream, this.#receivers(user, recipient));
    this.#transmit(user, message, false);
    return true;
  }

  dropped(stream: number, intendedMs: number): void {
    this.#count('messages_dropped', intendedMs, stream);
  }

  /** The user is connected again: repeat, in order, what may not have arrived at the server. */
  transmitUnacknowledged(user: VirtualUser): void {
    for (const message of user.outstanding) if (!message.acknowledged) this.#transmit(user, message, true);
  }

  /** The user leaves: receipts that have not come by now won't come to this connection. */
  forgetReceipts(user: VirtualUser): void {
    for (const message of [...user.outstanding]) if (message.acknowledged) this.#settle(user, message);
  }

  acknowledged(user: VirtualUser, id: number): void {
    const message = findOutstanding(user, id);
    if (message === undefined || message.acknowledged) return; // the answer to a repeat
    message.acknowledged = true;
    this.unacknowledged--;
    this.sender.acknowledged(user.index, message.recipient, message.number);
    this.#count('messages_acknowledged', message.intendedMs, message.stream);
    this.#record('sent_latency', 'sent_latency_service', message);
    // Nobody tells when a group has it.
    if (!this.#options.driver.capabilities.receipts || message.recipient >= GROUP_CODE) this.#settle(user, message);
    this.#options.finished(user, message.stream);
  }

  refused(user: VirtualUser, id: number, retryable: boolean, retryAfterMs: number): void {
    const message = findOutstanding(user, id);
    if (message === undefined || message.acknowledged) return;
    if (retryable && !this.closing) {
      this.#hold(user, Math.max(retryAfterMs, RETRY_MS));
      return;
    }
    this.sender.failed(user.index, message.recipient, message.number);
    this.unacknowledged--;
    // It was offered, and that it is not delivered tells against the server; but there is nothing to wait for.
    this.expected -= this.#receivers(user, message.recipient);
    this.#settle(user, message);
    this.#options.finished(user, message.stream);
  }

  /** The recipient of this one was not connected. */
  stored(user: VirtualUser, id: number): void {
    const message = findOutstanding(user, id);
    if (message !== undefined) message.stored = true;
  }

  delivered(user: VirtualUser, id: number): void {
    const message = findOutstanding(user, id);
    if (message === undefined) return;
    // Where users are offline by plan, how long one stayed away is no latency of the server's.
    const waited =
      message.stored && this.#options.traffic.blocks.some(({ online, turnover }) => online || turnover.length);
    if (!waited) this.#record('delivered_latency', 'delivered_latency_service', message);
    // A receipt can outrun a lost acknowledgement; it says as much.
    if (!message.acknowledged) this.acknowledged(user, id);
    this.#settle(user, message);
  }

  received(user: VirtualUser, body: Uint8Array): void {
    const header = readHeader(body);
    if (header === null || header.runTag !== this.#options.runTag) return; // of an earlier run on the same data
    const toGroup = header.recipient >= GROUP_CODE;
    const { users } = this.#options.traffic;
    const arrival = this.receiver.arrived(
      toGroup ? this.receiver.groupKey(header.sender, header.recipient - GROUP_CODE) : header.sender,
      deviceKey(user.index, user.device, users),
      header.number,
    );
    if (arrival === 'duplicate') {
      this.#count('messages_duplicated', header.intendedMs, header.stream);
      return;
    }
    if (arrival === 'reordered') this.#count('messages_reordered', header.intendedMs, header.stream);
    this.#count('messages_delivered', header.intendedMs, header.stream);
    // Sent while its recipient was offline by plan: how long he stayed away is no latency of the server's.
    if (header.intendedMs < user.onlineSinceMs) return;
    if (!this.#options.timed(header.sender)) return;
    if (toGroup) this.#fannedOut(header);
    else this.#record('delivery_latency', 'delivery_latency_service', header);
  }

  #fannedOut(header: MessageHeader): void {
    const { clock, phaseOf, recorder } = this.#options;
    const phase = phaseOf(header.intendedMs);
    const tookMs = clock.nowMs() - header.intendedMs;
    recorder.record('fanout_latency', phase, tookMs, this.#tag(header.stream));
    this.fanOut.arrived(header.recipient - GROUP_CODE, header.sender, header.number, phase, tookMs);
  }

  /** `kept`: its user could not send it when it was due. */
  #transmit(user: VirtualUser, message: OutstandingMessage, kept: boolean): void {
    const { connection } = user;
    if (connection === null || user.held) return; // sent when it is open again, still measured from the intended time
    const { clock, runTag } = this.#options;
    if (message.actualMs === 0) {
      message.actualMs = clock.nowMs();
      this.#count('messages_sent', message.intendedMs, message.stream);
      this.expected += this.#receivers(user, message.recipient);
      if (!kept) this.#slipped(message);
    }
    const body = this.#body;
    const { stream, recipient, number, intendedMs, actualMs } = message;
    writeHeader(body, { stream, runTag, sender: user.index, recipient, number, intendedMs, actualMs });
    const payload = body.subarray(0, message.bytes);
    if (recipient < GROUP_CODE) connection.send(userName(recipient), message.id, payload);
    else connection.sendGroup!(this.#options.groupName(recipient - GROUP_CODE), message.id, payload);
  }

  /** The generator's own lateness: what waited for a connection is late for another reason. */
  #slipped({ intendedMs, actualMs, stream }: OutstandingMessage): void {
    const { recorder, phaseOf } = this.#options;
    recorder.record('send_slip', phaseOf(intendedMs), actualMs - intendedMs, this.#tag(stream));
  }

  /** Deliveries that a message leads to. */
  #receivers(user: VirtualUser, recipient: number): number {
    const { devices } = this.#options.traffic;
    if (recipient >= GROUP_CODE) return this.#options.groupReceivers(recipient - GROUP_CODE, user.index);
    return devices === 1 ? 1 : devicesOf(recipient, devices);
  }

  /** Repeat after a pause, all that is not acknowledged, in order: once the last of what was refused may come. */
  #hold(user: VirtualUser, pauseMs: number): void {
    user.heldUntilMs = Math.max(user.heldUntilMs, this.#options.clock.nowMs() + pauseMs);
    if (user.held) return;
    user.held = true;
    this.#repeatLater(user, pauseMs);
  }

  #repeatLater(user: VirtualUser, pauseMs: number): void {
    const { clock } = this.#options;
    clock.after(pauseMs, () => {
      const leftMs = user.heldUntilMs - clock.nowMs();
      if (leftMs > 1) {
        this.#repeatLater(user, leftMs);
        return;
      }
      user.held = false;
      this.transmitUnacknowledged(user);
    });
  }

  #record(
    metric: 'sent_latency' | 'delivery_latency' | 'delivered_latency',
    service: 'sent_latency_service' | 'delivery_latency_service' | 'delivered_latency_service',
    times: { intendedMs: number; actualMs: number; stream: number },
  ): void {
    const { clock, recorder, phaseOf } = this.#options;
    const nowMs = clock.nowMs();
    const phase = phaseOf(times.intendedMs);
    const tag = this.#tag(times.stream);
    recorder.record(metric, phase, nowMs - times.intendedMs, tag);
    recorder.record(service, phase, nowMs - times.actualMs, tag);
  }

  #count(metric: CounterName, intendedMs: number, stream: number, count = 1): void {
    this.#options.counters.add(metric, this.#options.phaseOf(intendedMs), this.#tag(stream), count);
  }

  #tag(stream: number): number {
    return this.#tagged ? stream : -1;
  }

  #settle(user: VirtualUser, message: OutstandingMessage): void {
    if (settleOutstanding(user, message)) this.awaitingReceipt--;
  }
}

/** Values of the tag `scenario`, by stream; none where there is only one. */
export function tagsOf({ streams }: TrafficPlan): string[] {
  return streams.length > 1 ? streams.map(({ name }) => name) : [];
}

/** Room for the header, then letters that stay; messages are its beginning. */
function letters(random: Random): Buffer {
  const body = Buffer.alloc(65_536);
  for (let i = MESSAGE_HEADER_BYTES; i < body.length; i++) body[i] = 97 + random.integer(26);
  return body;
}
