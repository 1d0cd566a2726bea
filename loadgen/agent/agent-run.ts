/** What an agent does in one run: its users come and go, write and receive, and what they see is recorded. */
import type { Clock } from '../clock.ts';
import type {
  AgentAssignment,
  AgentProgress,
  AgentUsage,
  ClientFault,
  ConnectReport,
} from '../control/control-channel.ts';
import { segmentOf } from '../coordinator/segments.ts';
import type { CreateDriver, DriverEvents, TargetDriver } from '../drivers/target-driver.ts';
import { createRandom, type Random } from '../random.ts';
import type { ReceiverSummary, SenderSummary } from '../recorder/delivery-ledger.ts';
import type { FanOutRow } from '../recorder/fan-out.ts';
import { IntervalRecorder } from '../recorder/interval-recorder.ts';
import type { Phase, SampleBatch } from '../recorder/samples.ts';
import { AgentCounters } from './agent-counters.ts';
import { AgentHealth } from './agent-health.ts';
import { ClientFaults } from './client-faults.ts';
import { Connections } from './connections.ts';
import { Crowd } from './crowd.ts';
import { GroupLife } from './group-life.ts';
import { Messages, tagsOf } from './messages.ts';
import { Streams } from './streams.ts';
import type { VirtualUser } from './virtual-user.ts';
import { Watching } from './watching.ts';

/** The target can't do what the scenario asks for: one sentence. */
export class AssignmentError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AssignmentError';
  }
}

export class AgentRun {
  #assignment: AgentAssignment;
  #clock: Clock;
  #driver: TargetDriver<VirtualUser>;
  #crowd: Crowd;
  #groups: GroupLife | null;
  #watching: Watching;
  #recorder: IntervalRecorder;
  #counters: AgentCounters;
  #health = new AgentHealth();
  #messages: Messages;
  #streams: Streams | null = null;
  #connections: Connections;
  #faults: ClientFaults;
  #random: Random;
  #loadStartMs = Number.POSITIVE_INFINITY;

  constructor(assignment: AgentAssignment, clock: Clock, createDriver: CreateDriver) {
    const { segment, seed, target, authSecret, traffic } = assignment;
    this.#assignment = assignment;
    this.#clock = clock;
    const shared = createRandom(seed);
    const random = shared.fork(`agent ${segment.index}`);
    this.#random = random;
    const source = `agent-${segment.index}`;
    const names = tagsOf(traffic);
    this.#recorder = new IntervalRecorder(source, names);
    this.#counters = new AgentCounters(source, names);
    this.#driver = createDriver<VirtualUser>({ target, ...(authSecret !== null && { authSecret }) }, this.#events());
    this.#crowd = new Crowd({
      traffic,
      segment,
      clock,
      random: random.fork('crowd'),
      shared,
      begin: (user) => this.#connections.begin(user),
      end: (user) => this.#connections.leave(user),
    });
    this.#groups = traffic.groups && new GroupLife(traffic, segment, seed);
    this.#watching = new Watching(traffic, seed);
    this.#messages = new Messages({
      traffic,
      runTag: assignment.runTag,
      clock,
      random,
      driver: this.#driver,
      recorder: this.#recorder,
      counters: this.#counters,
      phaseOf: (timeMs) => this.#phaseOf(timeMs),
      groupReceivers: (group, sender) => this.#groups!.receivers(group, sender),
      groupName: (group) => this.#groups!.name(group),
      timed: timedSenders(assignment),
      finished: (user, stream) => this.#streams?.finished(user, stream),
    });
    this.#connections = new Connections({
      assignment,
      clock,
      random: random.fork('connect'),
      driver: this.#driver,
      recorder: this.#recorder,
      counters: this.#counters,
      messages: this.#messages,
      phaseOf: (timeMs) => this.#phaseOf(timeMs),
      ready: (user) => {
        this.#watching.watch(user);
        this.#messages.transmitUnacknowledged(user);
        this.#streams?.ready(user);
      },
    });
    this.#faults = new ClientFaults({
      users: () => this.#crowd.connected(),
      clock,
      random: random.fork('faults'),
      reconnect: (user) => this.#connections.abandon(user),
    });
  }

  /** Rejects with AssignmentError where the driver can't do what the scenario asks for, else with the driver's error. */
  prepare(): Promise<void> {
    const { name, capabilities } = this.#driver;
    const asks = (what: string): never => {
      throw new AssignmentError(`the scenario asks for ${what}, which the driver ${name} does not offer`);
    };
    if (this.#groups && !capabilities.groups) asks('groups');
    if (this.#watching.wanted && !capabilities.presence) asks('presence');
    return this.#driver.prepare();
  }

  /** Open all connections that the load begins with, and make the groups; resolves when each is open or given up. */
  async connect(): Promise<ConnectReport> {
    const initial = this.#crowd.initial();
    const devices = initial.flatMap((user) => [user, ...user.others]);
    const report = await this.#connections.openAll(devices);
    await this.#groups?.create(this.#crowd.users, this.#connections);
    return report;
  }

  startLoad(startMs: number): void {
    const { segment, seed, traffic } = this.#assignment;
    this.#loadStartMs = startMs;
    const { warmUpMs, steadyMs } = traffic;
    const steadyStartsIn = startMs + warmUpMs - this.#clock.nowMs();
    this.#clock.after(steadyStartsIn, () => this.#health.startSteady());
    this.#clock.after(steadyStartsIn + steadyMs, () => this.#health.endSteady());
    this.#crowd.start(startMs, startMs + warmUpMs + steadyMs);
    this.#streams = new Streams({
      traffic,
      segment,
      seed,
      clock: this.#clock,
      random: this.#random.fork('senders'),
      startMs,
      crowd: this.#crowd,
      groups: this.#groups,
      messages: this.#messages,
    });
  }

  /** Break something on the clients' side, on purpose. Returns why nothing was, or null. */
  breakClients(fault: ClientFault): string | null {
    return this.#faults.apply(fault);
  }

  /** Users who are offline come for what they missed. */
  fetchMissed(): void {
    this.#connections.fetch();
  }

  /** Start nothing more. Users who are offline but have something to send come and send it. */
  stopLoad(): void {
    this.#streams?.stop();
    this.#crowd.stop();
    this.#driver.flush();
    if (this.#crowd.offline().length > 0) {
      this.#connections.catchUp(this.#crowd.offline().flatMap((user) => [user, ...user.others]));
    }
  }

  /** `samples`: also the rows of the second that has just ended (`whole`), or of the one that is cut short (`last`). */
  tick(samples: 'none' | 'whole' | 'last'): {
    progress: AgentProgress;
    usage: AgentUsage;
    samples: SampleBatch | null;
    fanOut: FanOutRow[];
  } {
    return {
      progress: this.#progress(),
      usage: this.#health.usage(),
      samples: samples === 'none' ? null : this.#samples(samples),
      fanOut: this.#messages.fanOut.swap(),
    };
  }

  ledger(): { sender: SenderSummary; receiver: ReceiverSummary } {
    return { sender: this.#messages.sender.summary(), receiver: this.#messages.receiver.summary() };
  }

  /** One sentence each. */
  problems(): string[] {
    const missing = this.#groups?.missing ?? 0;
    const groups = missing === 0 ? [] : [`${missing} group(s) could not be made: their owners could not be connected`];
    return [...groups, ...(this.#driver.problems?.() ?? [])];
  }

  async close(): Promise<void> {
    this.#messages.closing = true;
    this.#faults.stop();
    this.#connections.stop();
    this.#driver.flush();
    await this.#driver.close();
  }

  #events(): DriverEvents<VirtualUser> {
    return {
      sent: (connection, id) => {
        this.#messages.acknowledged(connection.context, id);
        this.#connections.moved(connection.context);
      },
      sendFailed: (connection, id, _reason, retryable, retryAfterMs = 0) =>
        this.#messages.refused(connection.context, id, retryable, retryAfterMs),
      received: (connection, _from, body) => {
        this.#messages.received(connection.context, body);
        this.#connections.moved(connection.context);
        this.#streams?.catchUp();
      },
      delivered: (connection, id) => this.#messages.delivered(connection.context, id),
      stored: (connection, id) => this.#messages.stored(connection.context, id),
      presence: (_connection, changes) =>
        this.#counters.add('presence_updates', this.#phaseOf(this.#clock.nowMs()), -1, changes),
      closed: (connection, _code, _reason, resumable, advice = 'resume') =>
        this.#connections.lost(connection, resumable ? advice : null),
    };
  }

  #phaseOf(timeMs: number): Phase {
    const elapsed = timeMs - this.#loadStartMs;
    const { warmUpMs, steadyMs } = this.#assignment.traffic;
    // Not even scheduled yet: minus infinity.
    if (elapsed < 0) return 'connect';
    if (elapsed < warmUpMs) return 'warm-up';
    return elapsed < warmUpMs + steadyMs ? 'steady' : 'drain';
  }

  #progress(): AgentProgress {
    const { totals } = this.#counters;
    return {
      connections: this.#connections.open,
      failed: { ...this.#connections.failed },
      lost: this.#connections.lostForGood,
      connecting: this.#connections.connecting,
      reconnecting: this.#connections.reconnecting,
      sent: totals.messages_sent,
      acknowledged: totals.messages_acknowledged,
      expected: this.#messages.expected,
      delivered: totals.messages_delivered,
      duplicated: totals.messages_duplicated,
      reordered: totals.messages_reordered,
      dropped: totals.messages_dropped,
      awaitingReceipt: this.#messages.awaitingReceipt,
      unacknowledged: this.#messages.unacknowledged,
      droppedAway: this.#messages.droppedAway,
      slow: this.#faults.slow,
      catchingUp: this.#connections.catchingUp,
      loopDelayP99Ms: this.#health.steadyLoopDelayMs(),
      loadDone: this.#streams?.done ?? false,
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
      gauges: [
        ...this.#health.gauges(atMs, source),
        { atMs, source, metric: 'connections', value: this.#connections.open },
      ],
    };
  }
}

/** Whose messages can be timed here: all, or those from agents that share this one's clock. */
function timedSenders({ segment, hosts, deliveryAcrossHosts, traffic }: AgentAssignment): (sender: number) => boolean {
  if (deliveryAcrossHosts) return () => true;
  return (sender) => {
    // Each block of users is shared among the agents by itself.
    const { first, users } = traffic.blocks.findLast((block) => block.first <= sender)!;
    return hosts[segmentOf(sender - first, users, segment.of)] === hosts[segment.index];
  };
}
