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
import { Claims } from './claims.ts';
import { CollapseWindow } from './collapse-window.ts';
import { FailureLog } from './failure-log.ts';
import { type HandOff, type HandOffEnd, HandOffs, newHandOff } from './hand-offs.ts';
import { NO_PROVIDERS, type NotificationProviders } from './provider.ts';
import { type Change, type Registration, Registrations } from './registrations.ts';
import { type Summary, summarise } from './summary.ts';
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

export class Notifier {
  readonly limits = { ...LIMITS };
  readonly registrations: Registrations;
  readonly providers: NotificationProviders;
  #volume: Volume;
  #counts = { sent: 0, retried: 0, givenUp: 0, removed: 0 };
  #window: CollapseWindow;
  #handOffs: HandOffs;
  #claims: Claims;
  /** By user and device: what is under way. */
  #underWay = new Map<string, HandOff>();
  #unnotified: UnnotifiedUsers;
  #failures: FailureLog;
  #closed = false;

  constructor(volume: Volume) {
    this.#volume = volume;
    const { providers, settings, random, now } = volume.options;
    this.providers = providers ?? NO_PROVIDERS;
    this.registrations = new Registrations(volume);
    this.#failures = new FailureLog((line) => volume.options.log(`volume ${volume.id}: ${line}`));
    this.#claims = new Claims(this.registrations, {
      returned: (name) => {
        const user = volume.users.peek(name);
        if (user === undefined || needsNotice(user)) this.#enqueue(name);
      },
      failed: (problem) => {
        if (!this.#closed) this.#failures.add(problem);
      },
    });
    this.#window = new CollapseWindow({
      windowMs: settings.notifications.collapseMs,
      notBefore: volume.store.createdEmpty ? 0 : now() + RESTART_GRACE_MS,
      limits: this.limits,
      now,
      hasRoom: (turns) => this.#handOffs.size + turns < this.limits.handOffs,
      turn: (name) => this.#round(name),
    });
    this.#handOffs = new HandOffs({
      providers: this.providers,
      maxAttempts: settings.notifications.maxAttempts,
      random: random ?? Math.random,
      need: (handOff) => this.#need(handOff),
      retried: () => this.#counts.retried++,
      ended: (handOff, end) => this.#ended(handOff, end),
    });
    this.#unnotified = new UnnotifiedUsers(volume, this.registrations, {
      hasRoom: () => this.#window.size < this.limits.users / 2,
      found: (name) => this.#enqueue(name),
    });
  }

  get counters(): NotificationCounters {
    return { ...this.#counts, queued: this.#window.size + this.#handOffs.size };
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
    this.#failures.housekeeping();
  }

  /** What certainly reached nobody is not claimed any more when this resolves, after at most `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    this.#window.close();
    this.#unnotified.stop();
    const untaken = await this.#handOffs.close(Math.min(timeoutMs, LAST_ATTEMPTS_MS));
    if (timeoutMs > 0) await Promise.all(untaken.map((handOff) => this.#claims.giveBack(handOff)));
    this.#failures.flush();
  }

  #enqueue(name: string): void {
    if (!this.#window.add(name)) this.#unnotified.seek(STORE_PAUSE_MS);
  }

  /** The end of a user's window: claim what is new to each device, and hand it over. */
  async #round(name: string): Promise<void> {
    try {
      const user = await this.#volume.users.load(name);
      if (user.pushDevices === 0 || !needsNotice(user)) return;
      await this.registrations.change(user, (registrations) => this.#claim(user, registrations));
    } catch (error) {
      if (this.#closed) return;
      this.#failures.add(`can't read whom to notify: ${(error as Error).message}`);
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
      for (const handOff of handOffs) void this.#claims.giveBack(handOff);
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
      void this.#claims.accepted(handOff);
    } else if (end.outcome === 'gone') {
      this.#failures.add(`notifications of ${user} on ${device} are ended: ${end.reason}`);
      void this.#claims.remove(handOff).then((removed) => {
        if (removed) this.#counts.removed++;
      });
    } else if (end.outcome === 'given-up') {
      this.#counts.givenUp++;
      this.#failures.add(`a notification of ${user} on ${device} was given up: ${end.reason}`);
    } else if (end.outcome === 'returned') void this.#claims.giveBack(handOff);
    if (handOff.again) this.#enqueue(user);
    this.#window.proceed();
  }
}

function needsNotice(user: UserState): boolean {
  return user.devices.length === 0 && user.acknowledgedTarget < user.committed;
}

function keyOf(user: string, device: string): string {
  return `${user}\n${device}`;
}
