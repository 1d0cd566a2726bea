/** What an agent does in one run: its users, their sends and receptions, and the record of both. */
import type { Clock } from '../clock.ts';
import type { AgentAssignment, AgentProgress, AgentUsage, ConnectReport } from '../control/control-channel.ts';
import { segmentRange } from '../coordinator/segments.ts';
import type {
  CreateDriver,
  DriverConnection,
  DriverEvents,
  ReconnectAdvice,
  TargetDriver,
} from '../drivers/target-driver.ts';
import { createFireTimes, segmentFireTimes } from '../pacing/fire-times.ts';
import { createRateCurve } from '../pacing/rate-curve.ts';
import { partnerOf, userName } from '../population/partners.ts';
import { createRandom, type Random } from '../random.ts';
import { ReceiverLedger, type ReceiverSummary, SenderLedger, type SenderSummary } from '../recorder/delivery-ledger.ts';
import { IntervalRecorder } from '../recorder/interval-recorder.ts';
import { MESSAGE_HEADER_BYTES, readHeader, writeHeader } from '../recorder/message-header.ts';
import type { Phase, SampleBatch } from '../recorder/samples.ts';
import { AgentCounters } from './agent-counters.ts';
import { AgentHealth } from './agent-health.ts';
import { Connector } from './connector.ts';
import { type LoadLoop, startLoadLoop } from './load-loop.ts';
import {
  findOutstanding,
  newVirtualUser,
  type OutstandingMessage,
  settleOutstanding,
  type VirtualUser,
} from './virtual-user.ts';

/** A message started later than this after its intended time was not started on time. */
const LATE_LIMIT_MS = 1_000;
/** A user who can’t send now (no connection, or told to wait) keeps this many messages; more are dropped and counted. */
const KEPT_WHILE_AWAY = 100;
const RETRY_MS = 1_000;

export class AgentRun {
  #assignment: AgentAssignment;
  #clock: Clock;
  #random: Random;
  #driver: TargetDriver<VirtualUser>;
  #users: VirtualUser[] = [];
  #connector: Connector;
  #recorder: IntervalRecorder;
  #counters: AgentCounters;
  #health = new AgentHealth();
  #sender = new SenderLedger();
  #receiver = new ReceiverLedger();
  #body: Buffer;
  #loop: LoadLoop | undefined;
  #loadStartMs = Number.POSITIVE_INFINITY;
  #loadDone = false;
  #connections = 0;
  #awaitingReceipt = 0;
  #lostForGood = 0;
  #failed = { generator: 0, server: 0 };
  #lastId = 0;
  /** Connections whose end was reported before they were. */
  #endedEarly = new WeakMap<DriverConnection<VirtualUser>, ReconnectAdvice | null>();
  #closing = false;

  constructor(assignment: AgentAssignment, clock: Clock, createDriver: CreateDriver) {
    const { segment, seed, users, connecting, target, authSecret } = assignment;
    this.#assignment = assignment;
    this.#clock = clock;
    this.#random = createRandom(seed).fork(`agent ${segment.index}`);
    this.#body = messageBody(assignment.bodyBytes, this.#random.fork('body'));
    const source = `agent-${segment.index}`;
    this.#recorder = new IntervalRecorder(source);
    this.#counters = new AgentCounters(source);
    this.#driver = createDriver<VirtualUser>({ target, ...(authSecret !== null && { authSecret }) }, this.#events());
    const range = segmentRange(users, segment);
    for (let index = range.first; index < range.end; index++) this.#users.push(newVirtualUser(index, userName(index)));
    this.#connector = new Connector({
      driver: this.#driver,
      clock,
      random: this.#random.fork('connect'),
      inFlight: Math.max(1, Math.round(connecting.inFlight / segment.of)),
      perSecond: connecting.perSecond === null ? null : connecting.perSecond / segment.of,
      timeoutMs: assignment.connectTimeoutMs,
      opened: (user, tookMs, resumed) => this.#opened(user, tookMs, resumed),
      failed: (_user, error) => {
        this.#failed[error.side]++;
        this.#counters.add('connect_failed', 'connect');
      },
      lost: () => {
        this.#lostForGood++;
      },
    });
  }

  prepare(): Promise<void> {
    return this.#driver.prepare();
  }

  /** Open all connections; resolves when each is open or given up. */
  connect(): Promise<ConnectReport> {
    return this.#connector.openAll(this.#users);
  }

  startLoad(startMs: number): void {
    const { stages, arrivals, seed, segment } = this.#assignment;
    this.#loadStartMs = startMs;
    const whole = createFireTimes(createRateCurve(stages), arrivals, createRandom(seed).fork('arrivals'));
    const pick = this.#random.fork('senders');
    const { warmUpMs, steadyMs } = this.#assignment;
    const steadyStartsIn = startMs + warmUpMs - this.#clock.nowMs();
    this.#clock.after(steadyStartsIn, () => this.#health.startSteady());
    this.#clock.after(steadyStartsIn + steadyMs, () => this.#health.endSteady());
    this.#loop = startLoadLoop({
      clock: this.#clock,
      fireTimes: segmentFireTimes(whole, segment),
      startMs,
      lateLimitMs: LATE_LIMIT_MS,
      fire: (intendedMs) => this.#start(this.#users[pick.integer(this.#users.length)]!, intendedMs),
      dropped: (intendedMs) => this.#counters.add('messages_dropped', this.#phaseOf(intendedMs)),
      done: () => {
        this.#loadDone = true;
      },
    });
  }

  stopLoad(): void {
    this.#loop?.stop();
    this.#loadDone = true;
    this.#driver.flush();
  }

  /** `samples`: also the rows of the second that has just ended (`whole`), or of the one that is cut short (`last`). */
  tick(samples: 'none' | 'whole' | 'last'): {
    progress: AgentProgress;
    usage: AgentUsage;
    samples: SampleBatch | null;
  } {
    const usage = this.#health.usage();
    return { progress: this.#progress(), usage, samples: samples === 'none' ? null : this.#samples(samples) };
  }

  ledger(): { sender: SenderSummary; receiver: ReceiverSummary } {
    return { sender: this.#sender.summary(), receiver: this.#receiver.summary() };
  }

  /** One sentence each. */
  driverProblems(): string[] {
    return this.#driver.problems?.() ?? [];
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#connector.stop();
    this.#driver.flush();
    await this.#driver.close();
  }

  #events(): DriverEvents<VirtualUser> {
    return {
      sent: (connection, id) => this.#acknowledged(connection.context, id),
      sendFailed: (connection, id, _reason, retryable, retryAfterMs = 0) =>
        this.#refused(connection.context, id, retryable, retryAfterMs),
      received: (_connection, _from, body) => this.#received(body),
      delivered: (connection, id) => this.#delivered(connection.context, id),
      closed: (connection, _code, _reason, resumable, advice = 'resume') =>
        this.#lost(connection, resumable ? advice : null),
    };
  }

  #opened(user: VirtualUser, tookMs: number, resumed: boolean): void {
    this.#connections++;
    const connection = user.connection!;
    const advice = this.#endedEarly.get(connection);
    if (advice !== undefined) this.#clock.after(0, () => this.#lost(connection, advice));
    const phase = this.#phaseOf(this.#clock.nowMs());
    if (!resumed) {
      this.#recorder.record('connect_latency', phase, tookMs);
      return;
    }
    this.#recorder.record('resume_latency', phase, tookMs);
    this.#counters.add('reconnects', phase);
    this.#transmitUnacknowledged(user);
  }

  /** `advice` null: it can't come back. */
  #lost(connection: DriverConnection<VirtualUser>, advice: ReconnectAdvice | null): void {
    const user = connection.context;
    if (user.connection !== connection) {
      // It ended in the same breath as it was welcomed: nobody has heard of it yet.
      this.#endedEarly.set(connection, advice);
      return;
    }
    user.connection = null;
    user.position = connection.position;
    this.#connections--;
    if (this.#closing) return;
    if (advice === null) this.#lostForGood++;
    else void this.#connector.reopen(user, advice);
  }

  #start(user: VirtualUser, intendedMs: number): void {
    if ((user.connection === null || user.held) && user.outstanding.length >= KEPT_WHILE_AWAY) {
      this.#counters.add('messages_dropped', this.#phaseOf(intendedMs));
      return;
    }
    const recipient = partnerOf(user.index, this.#assignment.users);
    const number = this.#sender.next(user.index, recipient);
    // Ids increase over reconnects and runs: a time in µs, moved on by one where two would be equal.
    this.#lastId = Math.max(this.#lastId + 1, Math.floor(this.#clock.toEpochMs(this.#clock.nowMs()) * 1_000));
    const message: OutstandingMessage = {
      id: this.#lastId,
      number,
      recipient,
      intendedMs,
      actualMs: 0,
      acknowledged: false,
    };
    user.outstanding.push(message);
    this.#awaitingReceipt++;
    this.#transmit(user, message);
  }

  #transmit(user: VirtualUser, message: OutstandingMessage): void {
    const { connection } = user;
    if (connection === null || user.held) return; // sent when it is open again, still measured from the intended time
    if (message.actualMs === 0) {
      message.actualMs = this.#clock.nowMs();
      const phase = this.#phaseOf(message.intendedMs);
      this.#counters.add('messages_sent', phase);
      this.#recorder.record('send_slip', phase, message.actualMs - message.intendedMs);
    }
    const { runTag } = this.#assignment;
    writeHeader(this.#body, {
      runTag,
      sender: user.index,
      recipient: message.recipient,
      number: message.number,
      intendedMs: message.intendedMs,
      actualMs: message.actualMs,
    });
    connection.send(userName(message.recipient), message.id, this.#body);
  }

  #acknowledged(user: VirtualUser, id: number): void {
    const message = findOutstanding(user, id);
    if (message === undefined || message.acknowledged) return; // the answer to a repeat
    message.acknowledged = true;
    this.#sender.acknowledged(user.index, message.recipient, message.number);
    const nowMs = this.#clock.nowMs();
    const phase = this.#phaseOf(message.intendedMs);
    this.#counters.add('messages_acknowledged', phase);
    this.#recorder.record('sent_latency', phase, nowMs - message.intendedMs);
    this.#recorder.record('sent_latency_service', phase, nowMs - message.actualMs);
    if (!this.#driver.capabilities.receipts) this.#settle(user, message);
  }

  #refused(user: VirtualUser, id: number, retryable: boolean, retryAfterMs: number): void {
    const message = findOutstanding(user, id);
    if (message === undefined) return;
    if (retryable && !this.#closing) {
      this.#hold(user, Math.max(retryAfterMs, RETRY_MS));
      return;
    }
    this.#sender.failed(user.index, message.recipient, message.number);
    this.#settle(user, message);
  }

  /** Repeat after a pause, all that is not acknowledged, in order: once the last of what was refused may come. */
  #hold(user: VirtualUser, pauseMs: number): void {
    user.heldUntilMs = Math.max(user.heldUntilMs, this.#clock.nowMs() + pauseMs);
    if (user.held) return;
    user.held = true;
    this.#repeatLater(user, pauseMs);
  }

  #repeatLater(user: VirtualUser, pauseMs: number): void {
    this.#clock.after(pauseMs, () => {
      const leftMs = user.heldUntilMs - this.#clock.nowMs();
      if (leftMs > 1) {
        this.#repeatLater(user, leftMs);
        return;
      }
      user.held = false;
      this.#transmitUnacknowledged(user);
    });
  }

  #transmitUnacknowledged(user: VirtualUser): void {
    for (const message of user.outstanding) if (!message.acknowledged) this.#transmit(user, message);
  }

  #received(body: Uint8Array): void {
    const header = readHeader(body);
    if (header === null || header.runTag !== this.#assignment.runTag) return; // of an earlier run on the same data
    const nowMs = this.#clock.nowMs();
    const phase = this.#phaseOf(header.intendedMs);
    const arrival = this.#receiver.arrived(header.sender, header.recipient, header.number);
    if (arrival === 'duplicate') {
      this.#counters.add('messages_duplicated', phase);
      return;
    }
    if (arrival === 'reordered') this.#counters.add('messages_reordered', phase);
    this.#counters.add('messages_delivered', phase);
    this.#recorder.record('delivery_latency', phase, nowMs - header.intendedMs);
    this.#recorder.record('delivery_latency_service', phase, nowMs - header.actualMs);
  }

  #delivered(user: VirtualUser, id: number): void {
    const message = findOutstanding(user, id);
    if (message === undefined) return;
    const nowMs = this.#clock.nowMs();
    const phase = this.#phaseOf(message.intendedMs);
    this.#recorder.record('delivered_latency', phase, nowMs - message.intendedMs);
    this.#recorder.record('delivered_latency_service', phase, nowMs - message.actualMs);
    // A receipt can outrun a lost acknowledgement; it says as much.
    if (!message.acknowledged) this.#acknowledged(user, id);
    this.#settle(user, message);
  }

  #settle(user: VirtualUser, message: OutstandingMessage): void {
    settleOutstanding(user, message);
    this.#awaitingReceipt--;
  }

  #phaseOf(timeMs: number): Phase {
    const elapsed = timeMs - this.#loadStartMs;
    const { warmUpMs, steadyMs } = this.#assignment;
    // Not even scheduled yet: minus infinity.
    if (elapsed < 0) return 'connect';
    if (elapsed < warmUpMs) return 'warm-up';
    return elapsed < warmUpMs + steadyMs ? 'steady' : 'drain';
  }

  #progress(): AgentProgress {
    const { totals } = this.#counters;
    return {
      connections: this.#connections,
      failed: { ...this.#failed },
      lost: this.#lostForGood,
      connecting: this.#connector.connecting,
      reconnecting: this.#connector.reconnecting,
      sent: totals.messages_sent,
      acknowledged: totals.messages_acknowledged,
      delivered: totals.messages_delivered,
      duplicated: totals.messages_duplicated,
      reordered: totals.messages_reordered,
      dropped: totals.messages_dropped,
      awaitingReceipt: this.#awaitingReceipt,
      loopDelayP99Ms: this.#health.steadyLoopDelayMs(),
      loadDone: this.#loadDone,
    };
  }

  #samples(which: 'whole' | 'last'): SampleBatch {
    // A regular tick comes just after the second it closes.
    const nowMs = this.#clock.toEpochMs(this.#clock.nowMs()) - (which === 'whole' ? 500 : 0);
    const atMs = Math.floor(nowMs / 1_000) * 1_000;
    const source = `agent-${this.#assignment.segment.index}`;
    return {
      histograms: this.#recorder.swap(atMs),
      counters: this.#counters.swap(atMs),
      gauges: [...this.#health.gauges(atMs, source), { atMs, source, metric: 'connections', value: this.#connections }],
    };
  }
}

/** A message body of the scenario's size: room for the header, then letters that stay. */
function messageBody(bytes: number, random: Random): Buffer {
  const body = Buffer.alloc(Math.max(bytes, MESSAGE_HEADER_BYTES));
  for (let i = MESSAGE_HEADER_BYTES; i < body.length; i++) body[i] = 97 + random.integer(26);
  return body;
}
