/**
 * The watched side of presence: which volumes watch which of this volume's users, and when they are told that one has come or
 * gone. Users whom nobody watches cost nothing, however often they come and go.
 *
 * A change is told once it has lasted `debounceMs`. One queue holds what is due: every pause is equally long, so the next one
 * due always stands first.
 */
import type { States } from './presence-record.ts';

interface Watched {
  volumes: Set<number>;
  /** What those volumes were told; undefined: some of them know something else, or nothing. */
  told: boolean | undefined;
  /** When it is to be looked whether there is something to tell, ms since the epoch; 0: not. */
  dueAt: number;
}

export interface WatchedOptions {
  debounceMs: number;
  now: () => number;
  isOnline: (user: string) => boolean;
  /** Tell a volume (perhaps this one). */
  tell: (volume: number, states: States) => void;
}

export class PresenceWatched {
  #options: WatchedOptions;
  #users = new Map<string, Watched>();
  #queue: Array<{ user: string; dueAt: number }> = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchedOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#users.size;
  }

  /** The volume has just asked, or is about to ask, who of these is online. */
  add(volume: number, users: Iterable<string>): void {
    for (const user of users) this.#watch(user, volume).told ??= this.#options.isOnline(user);
  }

  /** Somebody is told who of these is online now: perhaps of a change that is not told yet, and that may be taken back. */
  answered(users: Iterable<string>): void {
    if (this.#users.size === 0) return;
    for (const user of users) {
      const watched = this.#users.get(user);
      if (watched !== undefined && watched.dueAt > 0) watched.told = undefined;
    }
  }

  remove(volume: number, users: Iterable<string>): void {
    for (const user of users) {
      const watched = this.#users.get(user);
      watched?.volumes.delete(volume);
      if (watched?.volumes.size === 0) this.#users.delete(user);
    }
  }

  /**
   * The volume watches these users and no others, and may believe anything of them: one of the two sides was away. They are
   * told after a pause, in which users who lost their connections with this side can come back.
   */
  replace(volume: number, users: Iterable<string>): void {
    this.remove(volume, [...this.#users.keys()]);
    for (const user of users) {
      this.#watch(user, volume).told = undefined;
      this.#lookLater(user);
    }
  }

  /** What was told to this volume may have been lost with the link to it: it is told again. */
  linkUp(volume: number): void {
    for (const [user, watched] of this.#users) {
      if (!watched.volumes.has(volume)) continue;
      watched.told = undefined;
      this.#lookLater(user);
    }
  }

  /** A user's first device has come, or his last one gone. */
  changed(user: string): void {
    if (this.#users.size > 0 && this.#users.has(user)) this.#lookLater(user);
  }

  /** A message was stored for a user without a device: those who watch him learn it at once. */
  foundOffline(user: string): void {
    if (this.#users.size === 0) return;
    const watched = this.#users.get(user);
    if (watched === undefined || watched.told === false || this.#options.isOnline(user)) return;
    watched.told = false;
    for (const volume of watched.volumes) this.#options.tell(volume, [{ user, state: 'offline' }]);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#users.clear();
  }

  #watch(user: string, volume: number): Watched {
    let watched = this.#users.get(user);
    if (watched === undefined) {
      watched = { volumes: new Set(), told: undefined, dueAt: 0 };
      this.#users.set(user, watched);
    }
    watched.volumes.add(volume);
    return watched;
  }

  #lookLater(user: string): void {
    const dueAt = this.#options.now() + this.#options.debounceMs;
    this.#users.get(user)!.dueAt = dueAt;
    this.#queue.push({ user, dueAt });
    if (this.#queue.length === 1) this.#arm();
  }

  #arm(): void {
    this.#timer = setTimeout(() => this.#look(), Math.max(this.#queue[0]!.dueAt - this.#options.now(), 0));
  }

  /** Tell what has lasted: one message to each volume, whatever the number of users. */
  #look(): void {
    const now = this.#options.now();
    const news = new Map<number, States>();
    let count = 0;
    for (const { user, dueAt } of this.#queue) {
      if (dueAt > now) break;
      count++;
      const watched = this.#users.get(user);
      // Not watched any more, or it has changed again since.
      if (watched?.dueAt !== dueAt) continue;
      watched.dueAt = 0;
      const online = this.#options.isOnline(user);
      if (online === watched.told) continue;
      watched.told = online;
      for (const volume of watched.volumes) {
        const states = news.get(volume) ?? [];
        states.push({ user, state: online ? 'online' : 'offline' });
        news.set(volume, states);
      }
    }
    this.#queue.splice(0, count);
    if (this.#queue.length > 0) this.#arm();
    for (const [volume, states] of news) this.#options.tell(volume, states);
  }
}
