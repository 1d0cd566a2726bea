/**
 * Tells devices that are not connected that messages wait. One per volume.
 *
 * A message for a user without a connected device, or one that his last device left unread, starts a collapse window;
 * at its end each registered device gets one notification of everything that is new to it. A device that is being
 * notified (an attempt under way, or pausing between attempts) gets one more afterwards for what came meanwhile.
 *
 * Never twice for one message, and what that costs: the stretch of the timeline that a notification tells of is claimed
 * in the store before the first attempt, and what is claimed is not told again by another notification. So a process
 * that dies between the claim and the provider's answer loses that notification, though no message: the next one counts
 * from there, and the user's next connection brings all. The other choice, to hand over again after a crash, would tell
 * people twice. A repeated attempt (time-out, 5xx) may reach a provider that took the earlier one without saying so;
 * it carries the same id, so that the receiver can drop it. A drain gives back the claims of what certainly reached
 * nobody. What was not claimed is found again when the volume opens.
 *
 * What is kept in memory is bounded (LIMITS). What does not fit
 * is forgotten here and found again in the store, for it is not claimed.
 */
import type { UserState } from '../messenger/user-state.ts';
import type { Volume } from '../messenger/volume.ts';
import { type HandOff, type HandOffEnd, HandOffs } from './hand-offs.ts';
import { NO_PROVIDERS, type NotificationProviders } from './provider.ts';
import { type Change, type Registration, Registrations } from './registrations.ts';
import { notificationId, type Summary, summarise } from './summary.ts';
import { UnnotifiedUsers } from './unnotified-users.ts';

const LIMITS = {
  /** Users in their collapse window. */
  users: 10_000,
  /** Notifications under way. */
  handOffs: 10_000,
  /** Users whose registrations are read, and stretches claimed, at a time. */
  rounds: 32,
};
/** After a restart clients come back by themselves; nobody is notified before they had the time to. */
const RESTART_GRACE_MS = 5_000;
const STORE_PAUSE_MS = 1_000;
/** Attempts under way at a drain have so long to end. */
const LAST_ATTEMPTS_MS = 2_000;
/** One line in the log stands for all failures of so many housekeeping rounds. */
const LOG_EVERY_ROUNDS = 10;

export interface NotificationCounters {
  /** Accepted by a provider. */
  sent: number;
  /** Attempts that were put off to be repeated. */
  retried: number;
  givenUp: number;
  /** Registrations removed because the provider said that they are void. */
  removed: number;
  /** Users in their collapse window and notifications under way, now. */
  queued: number;
}

export const NO_NOTIFICATIONS: Readonly<NotificationCounters> = {
  sent: 0,
  retried: 0,
  givenUp: 0,
  removed: 0,
  queued: 0,
};

type UserKey = Pick<UserState, 'name' | 'shard'>;

export class Notifier {
  readonly limits = { ...LIMITS };
  readonly registrations: Registrations;
  readonly providers: NotificationProviders;
  #volume: Volume;
  #counts = { sent: 0, retried: 0, givenUp: 0, removed: 0 };
  /** Users in their window, with its end in ms since the epoch, oldest first. */
  #waiting = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #rounds = 0;
  #handOffs: HandOffs;
  /** By user and device: what is under way. */
  #underWay = new Map<string, HandOff>();
  #unnotified: UnnotifiedUsers;
  #notBefore: number;
  #failures: { count: number; last: string } = { count: 0, last: '' };
  #housekeepingRounds = 0;
  #closed = false;

  constructor(volume: Volume) {
    this.#volume = volume;
    const { providers, settings, random, now } = volume.options;
    this.providers = providers ?? NO_PROVIDERS;
    this.registrations = new Registrations(volume);
    this.#notBefore = volume.store.createdEmpty ? 0 : now() + RESTART_GRACE_MS;
    this.#handOffs = new HandOffs({
      providers: this.providers,
      maxAttempts: settings.notifications.maxAttempts,
      random: random ?? Math.random,
      need: (handOff) => this.#need(handOff),
      retried: () => this.#counts.retried++,
      ended: (handOff, end) => this.#ended(handOff, end),
    });
    this.#unnotified = new UnnotifiedUsers(volume, this.registrations, {
      hasRoom: () => this.#waiting.size < this.limits.users / 2,
      found: (name) => this.#enqueue(name),
    });
  }

  get counters(): NotificationCounters {
    return { ...this.#counts, queued: this.#waiting.size + this.#handOffs.size };
  }

  /** False when nothing can be handed over, whatever is registered. */
  get #active(): boolean {
    return this.providers.byName.size > 0;
  }

  /** When the volume opens: find those whom an earlier life has not told. */
  async restore(): Promise<void> {
    if (!this.#active) return;
    await this.registrations.restore();
    if (this.registrations.any) this.#unnotified.seek(RESTART_GRACE_MS);
  }

  /** A message was stored for this user, who has no device connected; or his last one has left some unacknowledged. */
  consider(user: UserState): void {
    if (!this.#active || !this.registrations.any) {
      user.pushDevices = 0;
      return;
    }
    if (!this.#volume.draining) this.#enqueue(user.name);
  }

  /** The device wants no more, nor a further attempt. False when it is not registered. */
  unregister(user: UserState, device: string): Promise<boolean> {
    return this.registrations.change(user, async (registrations) => {
      if (!registrations.some((candidate) => candidate.device === device)) return { result: false };
      const committed = (): void => {
        const handOff = this.#underWay.get(keyOf(user.name, device));
        if (handOff !== undefined) handOff.dropped = true;
      };
      return { remove: [device], result: true, committed };
    });
  }

  housekeeping(): void {
    if (++this.#housekeepingRounds % LOG_EVERY_ROUNDS !== 0 || this.#failures.count === 0) return;
    const { count, last } = this.#failures;
    this.#failures = { count: 0, last: '' };
    const others = count === 1 ? '' : ` (and ${count - 1} more in the last ${LOG_EVERY_ROUNDS} s)`;
    this.#volume.options.log(`volume ${this.#volume.id}: ${last}${others}`);
  }

  /** What certainly reached nobody is not claimed any more when this resolves, after at most `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#unnotified.stop();
    const untaken = await this.#handOffs.close(Math.min(timeoutMs, LAST_ATTEMPTS_MS));
    this.#waiting.clear();
    if (timeoutMs > 0) await Promise.all(untaken.map((handOff) => this.#giveBack(handOff)));
  }

  #enqueue(name: string): void {
    if (this.#closed || this.#waiting.has(name)) return;
    if (this.#waiting.size >= this.limits.users) {
      this.#unnotified.seek(STORE_PAUSE_MS);
      return;
    }
    const { now, settings } = this.#volume.options;
    this.#waiting.set(name, Math.max(now() + settings.notifications.collapseMs, this.#notBefore));
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#closed) return;
    // Whatever ends makes room and comes here again.
    if (this.#full()) return;
    const first = this.#waiting.values().next();
    if (first.done) return;
    const waitMs = Math.max(first.value - this.#volume.options.now(), 0);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#startRounds();
      this.#arm();
    }, waitMs);
  }

  #startRounds(): void {
    const now = this.#volume.options.now();
    for (const [name, due] of this.#waiting) {
      if (due > now || this.#full()) return;
      this.#waiting.delete(name);
      this.#rounds++;
      void this.#round(name).finally(() => {
        this.#rounds--;
        this.#arm();
      });
    }
  }

  #full(): boolean {
    return this.#rounds >= this.limits.rounds || this.#handOffs.size + this.#rounds >= this.limits.handOffs;
  }

  /** The end of a user's window: claim what is new to each device, and hand it over. */
  async #round(name: string): Promise<void> {
    try {
      const user = await this.#volume.users.load(name);
      if (user.pushDevices === 0 || !needsNotice(user)) return;
      await this.registrations.change(user, (registrations) => this.#claim(user, registrations));
    } catch (error) {
      if (this.#closed) return;
      this.#failed(`can't read whom to notify: ${(error as Error).message}`);
      setTimeout(() => this.#enqueue(name), STORE_PAUSE_MS);
    }
  }

  async #claim(loaded: UserState, registrations: Registration[]): Promise<Change<void>> {
    const handOffs: HandOff[] = [];
    const put: Registration[] = [];
    const upTo = loaded.committed;
    const summaries = new Map<number, Summary | null>();
    for (const registration of registrations) {
      if (!this.providers.byName.has(registration.target.provider)) continue;
      const after = Math.max(registration.claimedUpTo, loaded.acknowledgedTarget);
      if (after >= upTo) continue;
      const underWay = this.#underWay.get(keyOf(loaded.name, registration.device));
      if (underWay !== undefined) {
        underWay.again = true;
        continue;
      }
      if (!summaries.has(after)) summaries.set(after, await summarise(this.#volume.store, loaded, after, upTo));
      const summary = summaries.get(after)!;
      if (summary === null) continue;
      put.push({ ...registration, claimedUpTo: upTo });
      handOffs.push(newHandOff(loaded, registration, summary, { after: registration.claimedUpTo, upTo }));
    }
    // He has come meanwhile: should he leave without having read it, this starts anew.
    const user = this.#volume.users.peek(loaded.name) ?? loaded;
    if (this.#closed || handOffs.length === 0 || !needsNotice(user)) return { result: undefined };
    return { put, result: undefined, committed: () => this.#handOver(handOffs) };
  }

  #handOver(handOffs: HandOff[]): void {
    if (this.#closed) {
      for (const handOff of handOffs) void this.#giveBack(handOff);
      return;
    }
    for (const handOff of handOffs) {
      this.#underWay.set(keyOf(handOff.notification.user, handOff.notification.device), handOff);
    }
    for (const handOff of handOffs) this.#handOffs.add(handOff);
  }

  #need({ notification }: HandOff): 'notify' | 'connected' | 'seen' {
    const user = this.#volume.users.peek(notification.user);
    if (user === undefined) return 'notify';
    if (user.acknowledgedTarget >= notification.lastSeq) return 'seen';
    return user.devices.length > 0 ? 'connected' : 'notify';
  }

  #ended(handOff: HandOff, end: HandOffEnd): void {
    const { user, device } = handOff.notification;
    this.#underWay.delete(keyOf(user, device));
    if (end.outcome === 'accepted') {
      this.#counts.sent++;
      this.#noteAccepted(handOff);
    } else if (end.outcome === 'gone') {
      this.#failed(`notifications of ${user} on ${device} are ended: ${end.reason}`);
      void this.#remove(handOff);
    } else if (end.outcome === 'given-up') {
      this.#counts.givenUp++;
      this.#failed(`a notification of ${user} on ${device} was given up: ${end.reason}`);
    } else if (end.outcome === 'returned') void this.#giveBack(handOff);
    if (handOff.again) this.#enqueue(user);
    this.#arm();
  }

  /** Not needed for anything but to tell the user, so nobody waits for it. */
  #noteAccepted(handOff: HandOff): void {
    void this.#change(handOff, (registration) => ({
      put: [{ ...registration, notifiedUpTo: Math.max(registration.notifiedUpTo, handOff.claimed.upTo) }],
      result: undefined,
    }));
  }

  #remove(handOff: HandOff): Promise<void> {
    return this.#change(handOff, (registration) => {
      // It has registered anew meanwhile: what the void registration did not get is told by way of the new one.
      if (!sameTarget(registration, handOff)) return this.#unclaim(registration, handOff);
      this.#counts.removed++;
      return { remove: [registration.device], result: undefined };
    });
  }

  #giveBack(handOff: HandOff): Promise<void> {
    return this.#change(handOff, (registration) => this.#unclaim(registration, handOff));
  }

  #unclaim(registration: Registration, { claimed, notification }: HandOff): Change<void> {
    if (registration.claimedUpTo !== claimed.upTo) return { result: undefined };
    return {
      put: [{ ...registration, claimedUpTo: claimed.after }],
      result: undefined,
      committed: () => {
        const user = this.#volume.users.peek(notification.user);
        if (user === undefined || needsNotice(user)) this.#enqueue(notification.user);
      },
    };
  }

  /** Change the registration that a hand-off was for, if it is still there. */
  async #change(handOff: HandOff, decide: (registration: Registration) => Change<void>): Promise<void> {
    const { user, device } = handOff.notification;
    try {
      await this.registrations.change(handOff.user, async (registrations) => {
        const registration = registrations.find((candidate) => candidate.device === device);
        return registration === undefined ? { result: undefined } : decide(registration);
      });
    } catch (error) {
      if (!this.#closed)
        this.#failed(`can't note what became of a notification of ${user}: ${(error as Error).message}`);
    }
  }

  /** Said at the next housekeeping that has a line to spare: a push service that is down fails for everybody at once. */
  #failed(message: string): void {
    this.#failures.count++;
    this.#failures.last = message;
  }
}

function needsNotice(user: UserState): boolean {
  return user.devices.length === 0 && user.acknowledgedTarget < user.committed;
}

function newHandOff(user: UserKey, registration: Registration, summary: Summary, claimed: HandOff['claimed']): HandOff {
  const { device, target } = registration;
  return {
    user: { name: user.name, shard: user.shard },
    notification: { id: notificationId(user.name, device, summary), user: user.name, device, ...summary },
    target,
    claimed,
    attempts: 0,
    untaken: true,
    again: false,
    dropped: false,
  };
}

function sameTarget(registration: Registration, handOff: HandOff): boolean {
  return JSON.stringify(registration.target) === JSON.stringify(handOff.target);
}

function keyOf(user: string, device: string): string {
  return `${user}\n${device}`;
}
