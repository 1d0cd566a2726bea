/**
 * The connections of an agent's users: opened when a session begins, closed when it ends, opened again when they are lost, and
 * the record of it.
 */
import type { Clock } from '../clock.ts';
import type { AgentAssignment, ConnectReport } from '../control/control-channel.ts';
import type { DriverConnection, ReconnectAdvice, TargetDriver } from '../drivers/target-driver.ts';
import { blockOf } from '../population/plan.ts';
import type { Random } from '../random.ts';
import type { IntervalRecorder } from '../recorder/interval-recorder.ts';
import type { Phase } from '../recorder/samples.ts';
import type { AgentCounters } from './agent-counters.ts';
import { CatchUp } from './catch-up.ts';
import { Connector } from './connector.ts';
import type { Messages } from './messages.ts';
import type { VirtualUser } from './virtual-user.ts';

export interface ConnectionsOptions {
  assignment: AgentAssignment;
  clock: Clock;
  random: Random;
  driver: TargetDriver<VirtualUser>;
  recorder: IntervalRecorder;
  counters: AgentCounters;
  messages: Messages;
  phaseOf: (timeMs: number) => Phase;
  /** A user's device is connected, perhaps again, and stays. */
  ready: (user: VirtualUser) => void;
}

export class Connections {
  /** Connections that are open now. */
  open = 0;
  /** Ended and not to be resumed. */
  lostForGood = 0;
  readonly failed = { generator: 0, server: 0 };
  #options: ConnectionsOptions;
  #connector: Connector;
  #catchUp: CatchUp;
  /** Connections whose end was reported before they were. */
  #endedEarly = new WeakMap<DriverConnection<VirtualUser>, ReconnectAdvice | null>();
  #closing = false;

  constructor(options: ConnectionsOptions) {
    const { assignment, clock, counters, driver, phaseOf, random } = options;
    const { connecting, segment, connectTimeoutMs } = assignment;
    this.#options = options;
    this.#connector = new Connector({
      driver,
      clock,
      random,
      inFlight: Math.max(1, Math.round(connecting.inFlight / segment.of)),
      perSecond: connecting.perSecond === null ? null : connecting.perSecond / segment.of,
      timeoutMs: connectTimeoutMs,
      opened: (user, tookMs, resumed) => this.#opened(user, tookMs, resumed),
      failed: (_user, error) => {
        this.failed[error.side]++;
        counters.add('connect_failed', 'connect');
      },
      attemptFailed: (error) => {
        if (error.side === 'generator') this.failed.generator++;
        counters.add('connect_failed', phaseOf(clock.nowMs()));
      },
      lost: () => {
        this.lostForGood++;
      },
    });
    this.#catchUp = new CatchUp({
      clock,
      connector: this.#connector,
      leave: (user) => this.#disconnect(user),
    });
  }

  get connecting(): number {
    return this.#connector.connecting;
  }

  get reconnecting(): number {
    return this.#connector.reconnecting;
  }

  /** Users who are still to fetch what waited for them. */
  get catchingUp(): number {
    return this.#catchUp.left;
  }

  /** Open all, each once; resolves when each is open or given up. */
  openAll(users: readonly VirtualUser[]): Promise<ConnectReport> {
    return this.#connector.openAll(users);
  }

  /** Connect one device, again and again, but no longer than this, or than its user wants. */
  insist(user: VirtualUser, mostMs: number): Promise<void> {
    const { clock } = this.#options;
    const untilMs = clock.nowMs() + mostMs;
    return this.#connector.begin(user, () => !user.online || clock.nowMs() >= untilMs);
  }

  /** The load is over: these are to come once more, for what waits for them; now those who have something to send. */
  catchUp(users: readonly VirtualUser[]): void {
    this.#catchUp.start(users);
  }

  /** Nothing is under way to them any more: they come. */
  fetch(): void {
    void this.#catchUp.fetch();
  }

  /** Open nothing more. */
  stop(): void {
    this.#closing = true;
    this.#catchUp.stop();
    this.#connector.stop();
  }

  /** A session begins by plan. */
  begin(user: VirtualUser): void {
    if (this.#closing) return;
    for (const device of [user, ...user.others]) {
      // Back before he had quite left: he was there all the time.
      if (device.connection !== null) continue;
      // What is intended from now on is for somebody online: a slow welcome is the server's latency.
      device.onlineSinceMs = this.#options.clock.nowMs();
      void this.#connector.begin(device);
    }
  }

  /** A session ends by plan: in order, once what was sent is acknowledged. */
  leave(user: VirtualUser): void {
    const deadlineMs = this.#options.clock.nowMs() + blockOf(this.#options.assignment.traffic, user.index).graceMs;
    const leave = (): void => {
      if (user.online || this.#closing) return;
      const waits = user.connection !== null && user.outstanding.some(({ acknowledged }) => !acknowledged);
      if (waits && this.#options.clock.nowMs() < deadlineMs) {
        this.#options.clock.after(50, leave);
        return;
      }
      for (const device of [user, ...user.others]) this.#disconnect(device);
    };
    leave();
  }

  #disconnect(user: VirtualUser): void {
    const { connection } = user;
    this.#options.messages.forgetReceipts(user);
    user.resumingSinceMs = undefined;
    if (connection === null) return;
    connection.close(true);
    user.position = connection.position;
    user.connection = null;
    this.open--;
  }

  #opened(user: VirtualUser, tookMs: number, resumed: boolean): void {
    this.open++;
    const connection = user.connection!;
    const advice = this.#endedEarly.get(connection);
    if (advice !== undefined) this.#options.clock.after(0, () => this.lost(connection, advice));
    // Who comes once more after the load, for what waited for him, is no part of it.
    if (this.#catchUp.wants(user)) {
      this.#options.messages.transmitUnacknowledged(user);
      return;
    }
    const phase = this.#options.phaseOf(this.#options.clock.nowMs());
    if (!resumed) this.#options.recorder.record('connect_latency', phase, tookMs);
    else this.#options.counters.add('reconnects', phase);
    // Somebody comes back, or finds at his first coming what was sent to him before.
    if (user.position !== undefined || (connection.head ?? 0) > connection.position) {
      user.resumingSinceMs = this.#options.clock.nowMs() - tookMs;
      this.moved(user);
    }
    // Left while it was being connected.
    if (!user.online) {
      this.#disconnect(user);
      return;
    }
    this.#options.ready(user);
  }

  /** The user's position may have reached what he came back for. */
  moved(user: VirtualUser): void {
    const { resumingSinceMs, connection } = user;
    if (resumingSinceMs === undefined || connection === null) return;
    if (connection.head !== undefined && connection.position < connection.head) return;
    user.resumingSinceMs = undefined;
    const nowMs = this.#options.clock.nowMs();
    this.#options.recorder.record('resume_latency', this.#options.phaseOf(nowMs), nowMs - resumingSinceMs);
  }

  /** `advice` null: it can't come back. */
  lost(connection: DriverConnection<VirtualUser>, advice: ReconnectAdvice | null): void {
    const user = connection.context;
    if (user.connection !== connection) {
      // It ended in the same breath as it was welcomed: nobody has heard of it yet.
      this.#endedEarly.set(connection, advice);
      return;
    }
    this.#detach(user);
    if (this.#closing || !user.online) return;
    if (advice === null) this.lostForGood++;
    else void this.#connector.reopen(user, advice);
  }

  /** Give a connection up without a word, and open another. */
  abandon(user: VirtualUser): void {
    if (user.connection === null) return;
    this.#detach(user);
    if (!this.#closing && user.online) void this.#connector.reopen(user, 'resume');
  }

  #detach(user: VirtualUser): void {
    user.position = user.connection!.position;
    user.connection = null;
    user.resumingSinceMs = undefined;
    this.open--;
  }
}
