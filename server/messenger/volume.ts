/**
 * The messenger of one volume: everything that happens to the users of a contiguous range of logical shards. One writer,
 * one store, one group commit; no sockets. Devices are handed in by the transport, other volumes are reached by the bus.
 */
import { BUS, type Bus } from '../bus/bus.ts';
import type { NodeSettings } from '../config.ts';
import { Notifier } from '../notifications/notifier.ts';
import type { NotificationProviders } from '../notifications/provider.ts';
import { CLOSES } from '../protocol/errors.ts';
import type { DeadLetterLog } from '../store/dead-letters.ts';
import { GroupCommit, type GroupCommitBatch } from '../store/group-commit.ts';
import type { MessageStore } from '../store/message-store.ts';
import { Delivery } from './delivery.ts';
import { cursorsOfLane, LANE } from './durable-streams.ts';
import { Forwarding } from './forwarding.ts';
import { GivenUp, type WaitingSend } from './given-up.ts';
import { Groups } from './groups.ts';
import { Presence } from './presence.ts';
import { Receipts } from './receipts.ts';
import { Resume } from './resume.ts';
import { Retention } from './retention.ts';
import { Revocations } from './revocations.ts';
import { Sending } from './sending.ts';
import type { Device, UserState } from './user-state.ts';
import { Users } from './users.ts';

const NOTHING = Buffer.alloc(0);
/** A dead-letter log has so long to write what it was given at the end. */
const CLOSE_LOG_MS = 2_000;

/** What happens once a batch is committed. */
export interface Effect {
  apply(): void;
  /** The send that waits for it, if one does: should the store not take it, it must not be forgotten. */
  waitingSend?(): WaitingSend;
}

export type Batch = GroupCommitBatch<Effect>;

export interface VolumeOptions {
  id: number;
  store: MessageStore;
  bus: Bus;
  /** Volume of each logical shard. */
  table: Uint16Array;
  maxBodyBytes: number;
  outboxMemoryBytes: number;
  settings: NodeSettings;
  /** Where notifications are handed to; default: nowhere. */
  providers?: NotificationProviders;
  /** Where messages go that the store does not take in time; default: nowhere. */
  deadLetters?: DeadLetterLog | null;
  /** 0 ≤ x < 1, for jitter. */
  random?: () => number;
  /** ms since the epoch. */
  now: () => number;
  log: (message: string) => void;
}

export interface VolumeCounters {
  sent: number;
  repeated: number;
  delivered: number;
  storedOffline: number;
  forwarded: number;
  received: number;
  receipts: number;
  /** Sends refused for their user's rate. */
  rateLimited: number;
  /** Messages that a group of this volume has ordered. */
  groupMessages: number;
  /** Changes of presence told to volumes that watch. */
  presenceTold: number;
}

export const NOTHING_COUNTED: Readonly<VolumeCounters> = {
  sent: 0,
  repeated: 0,
  delivered: 0,
  storedOffline: 0,
  forwarded: 0,
  received: 0,
  receipts: 0,
  rateLimited: 0,
  groupMessages: 0,
  presenceTold: 0,
};

export class Volume {
  readonly id: number;
  readonly store: MessageStore;
  readonly bus: Bus;
  readonly table: Uint16Array;
  readonly options: VolumeOptions;
  readonly users: Users;
  readonly commit: GroupCommit<Effect>;
  readonly sending: Sending;
  readonly delivery: Delivery;
  readonly forwarding: Forwarding;
  readonly receipts: Receipts;
  readonly resume: Resume;
  readonly groups: Groups;
  readonly presence: Presence;
  readonly notifier: Notifier;
  readonly revocations: Revocations;
  readonly retention: Retention;
  readonly givenUp: GivenUp;
  readonly counters: VolumeCounters = { ...NOTHING_COUNTED };
  draining = false;
  /** The store is closed or about to be: nothing is retried any more. */
  closed = false;
  #timer: NodeJS.Timeout | undefined;

  private constructor(options: VolumeOptions) {
    this.id = options.id;
    this.store = options.store;
    this.bus = options.bus;
    this.table = options.table;
    this.options = options;
    this.users = new Users(options.store);
    this.delivery = new Delivery(this);
    this.sending = new Sending(this);
    this.forwarding = new Forwarding(this);
    this.receipts = new Receipts(this);
    this.resume = new Resume(this);
    this.groups = new Groups(this);
    this.presence = new Presence(this);
    this.notifier = new Notifier(this);
    this.revocations = new Revocations(this);
    this.retention = new Retention(this);
    this.givenUp = new GivenUp(this, options.deadLetters ?? null);
    this.commit = new GroupCommit<Effect>({
      store: options.store,
      now: options.now,
      giveUpMs: options.settings.commitGiveUpMs,
      maxBytes: options.settings.maxUncommittedBytes,
      seal: (batch) => {
        this.forwarding.seal(batch);
        this.groups.fanout.seal(batch);
        this.sending.seal();
      },
      committed: (batch) => {
        this.givenUp.committed(batch);
        for (const effect of batch.effects) effect.apply();
      },
      giveUp: (effects, reason) => void this.givenUp.take(effects, reason),
      recovered: () => this.#askForMissing(),
      health: (healthy, error) => {
        if (healthy) options.log(`volume ${options.id}: the store takes messages again`);
        else
          options.log(`volume ${options.id}: the store failed, senders are asked to repeat later: ${error?.message}`);
      },
    });
  }

  /** Reads what an earlier life left (outbox, cursors) and starts housekeeping. */
  static async open(options: VolumeOptions): Promise<Volume> {
    const volume = new Volume(options);
    await volume.notifier.restore();
    await volume.revocations.restore();
    const [outbox, cursors] = await Promise.all([options.store.outbox(), options.store.cursors()]);
    volume.forwarding.restore(outbox, cursorsOfLane(cursors, LANE.forward));
    volume.groups.fanout.restore(outbox, cursors);
    volume.#timer = setInterval(() => volume.housekeeping(), 1_000);
    return volume;
  }

  /** A bus message for this volume. */
  onBusMessage(from: number, kind: number, payload: Buffer): void {
    if (this.closed) return;
    if (kind === BUS.forward) this.forwarding.receive(from, payload);
    else if (kind === BUS.confirm) this.forwarding.confirmed(from, payload);
    else if (kind === BUS.receipts) this.receipts.receive(from, payload);
    else if (kind === BUS.receiptsConfirm) this.receipts.confirmed(from, payload);
    else if (kind === BUS.fanout) this.groups.fanout.receive(from, payload);
    else if (kind === BUS.fanoutConfirm) this.groups.fanout.confirmed(from, payload);
    else if (kind === BUS.groupRequest) this.groups.requests.receive(from, payload);
    else if (kind === BUS.groupAnswer) this.groups.requests.answered(payload);
    else if (kind === BUS.resend) {
      this.forwarding.resend(from);
      this.groups.fanout.resend(from);
    } else if (kind >= BUS.presenceWatch && kind <= BUS.presencePulled) this.presence.onBusMessage(from, kind, payload);
  }

  onBusUp(to: number): void {
    this.forwarding.resend(to);
    this.receipts.resend(to);
    this.groups.fanout.resend(to);
    this.presence.onBusUp(to);
    this.#askForMissing();
  }

  /**
   * Records that were dropped, on the way or because the store took none, are asked for until they come: the question may be
   * lost as well.
   */
  #askForMissing(): void {
    if (!this.commit.healthy) return;
    for (const source of new Set([...this.forwarding.behind, ...this.groups.fanout.behind])) {
      this.bus.send(this.id, source, BUS.resend, NOTHING);
    }
  }

  volumeOf(user: UserState): number {
    return this.table[user.shard]!;
  }

  /**
   * Connect a device. `after`: its position, or undefined for "from what this user's devices acknowledged".
   * Returns where the stream starts, and whether that is not the asked-for position because it does not exist or because
   * what follows on it was removed.
   * `instead`: a device of the same user whose place it takes, as one poll that of the one before; the user's other devices and
   * those who watch him see no change.
   */
  attach(device: Device, after: number | undefined, instead?: Device): { head: number; after: number; reset: boolean } {
    const user = device.user;
    const asked = after ?? user.acknowledged;
    // No device can have seen what is not committed.
    const start = Math.max(Math.min(asked, user.committed), user.trimmed);
    const reset = start !== asked;
    device.pushed = start;
    device.live = false;
    if (instead !== undefined && user.devices.includes(instead)) {
      user.devices[user.devices.indexOf(instead)] = device;
      this.presence.deviceLeft(instead);
    } else {
      user.devices.push(device);
      // Before a newer one is served the oldest goes; there is at most one too many.
      if (user.devices.length > this.options.settings.maxConnectionsPerUser)
        user.devices[0]!.close(CLOSES.tooManyConnections);
      if (user.devices.length === 1) this.presence.cameOnline(user);
    }
    user.touched = this.users.round;
    return { head: user.committed, after: start, reset };
  }

  /**
   * After the welcome: stream what was missed, then go live. The position that the device gave counts as an
   * acknowledgement; the one that a reset gave it does not, for it has nothing of what lies below.
   */
  start(device: Device, reset: boolean): void {
    if (!reset) this.receipts.acknowledge(device.user, device.pushed);
    this.resume.feed(device);
  }

  detach(device: Device): void {
    const devices = device.user.devices;
    const at = devices.indexOf(device);
    if (at >= 0) devices.splice(at, 1);
    device.user.touched = this.users.round;
    this.presence.deviceLeft(device);
    if (devices.length > 0) return;
    this.receipts.lastDeviceLeft(device.user);
    this.presence.wentOffline(device.user);
    const { user } = device;
    if (user.pushDevices !== 0 && user.acknowledgedTarget < user.committed) this.notifier.consider(user);
  }

  /** Once a second: persist receipts and positions, tidy the outbox, forget idle users. */
  housekeeping(): void {
    this.#askForMissing();
    this.commit.watch();
    this.givenUp.housekeeping();
    // Nothing is added to what waits already; it keeps until later.
    if (this.commit.healthy) {
      this.receipts.housekeeping();
      this.forwarding.housekeeping();
    }
    this.groups.housekeeping();
    this.presence.housekeeping();
    this.notifier.housekeeping();
    const now = this.options.now();
    this.sending.housekeeping(now);
    this.retention.housekeeping();
    this.users.sweep((user) => this.receipts.isDirty(user) || user.sendsDue > now || this.retention.isBusy(user));
  }

  /** Commit and hand over what is under way (at most `timeoutMs`), then close the store. */
  async close(timeoutMs: number): Promise<void> {
    this.draining = true;
    clearInterval(this.#timer);
    const deadline = this.options.now() + timeoutMs;
    const left = () => Math.max(deadline - this.options.now(), 0);
    await within(this.notifier.close(left()), left());
    await within(this.commit.idle(), left());
    // Two rounds: the first persists receipts, the second the positions that wait for their confirmation.
    for (let round = 0; round < 2; round++) {
      this.housekeeping();
      await within(this.commit.idle(), left());
    }
    this.presence.close();
    this.commit.stop();
    // What the store has not taken by now would be forgotten.
    this.commit.giveUp();
    this.closed = true;
    await this.givenUp.close(CLOSE_LOG_MS);
    await this.store.close();
  }
}

function within(work: Promise<void>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    work.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
