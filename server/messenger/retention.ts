/**
 * Retention: timelines (of users and of groups) keep their newest `maxEntries` entries, and none older than `maxAgeSeconds`.
 * A walk over all owners of timelines goes on in the background, a bounded number of owners a second. What is too much is
 * removed from the oldest on, a small piece at a time, each in one batch with how far the timeline is trimmed: a crash leaves
 * a piece whole or removed. Between two pieces everybody else has a turn, and the next waits for the commit of the last, so
 * that chat is never held up.
 *
 * An entry takes its client message id with it. The highest id removed is the floor: a send with an id at or below it that is
 * not found may have been stored and removed, so it is refused (sending.ts), never stored a second time.
 */
import type { TimelineOwner } from '../store/message-store.ts';
import { conversationOf, idOf, isOut, timeOf } from './entry.ts';
import type { UserState } from './user-state.ts';
import type { Volume } from './volume.ts';

/** Owners looked at in one round (a second), and asked for at a time. */
const OWNERS_PER_ROUND = 512;
const OWNERS_AT_ONCE = 64;
/** Entries read and removed in one batch: about a millisecond of the thread. */
const PIECE_ENTRIES = 128;

export class Retention {
  /** Entries removed so far. */
  removed = 0;
  #volume: Volume;
  #position: TimelineOwner | null = null;
  #walking = false;
  #current: UserState | null = null;
  /** The store could not be read in the last round: that is said once. */
  #unreadable = false;

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** A user whose timeline is being trimmed must stay in memory: what is on its way to the store is known only there. */
  isBusy(user: UserState): boolean {
    return user === this.#current;
  }

  /** Once a second: another round, unless the last is not over. */
  housekeeping(): void {
    const { maxEntries, maxAgeSeconds } = this.#volume.options.settings.retention;
    if (this.#walking || this.#mustRest() || (maxEntries === 0 && maxAgeSeconds === 0)) return;
    this.#walking = true;
    this.#walkOn().then(
      () => {
        this.#walking = false;
        this.#unreadable = false;
      },
      (error: Error) => {
        this.#walking = false;
        if (!this.#unreadable && !this.#volume.closed) {
          this.#volume.options.log(`volume ${this.#volume.id}: retention can't read: ${error.message}`);
        }
        this.#unreadable = true;
      },
    );
  }

  #mustRest(): boolean {
    const { closed, draining, commit } = this.#volume;
    return closed || draining || !commit.healthy;
  }

  async #walkOn(): Promise<void> {
    for (let looked = 0; looked < OWNERS_PER_ROUND; looked += OWNERS_AT_ONCE) {
      const owners = await this.#volume.store.users(this.#position, OWNERS_AT_ONCE);
      for (const owner of await this.#thoseWithExcess(owners)) {
        if (this.#mustRest()) return;
        await this.#trim(owner.user);
      }
      this.#position = owners.length < OWNERS_AT_ONCE ? null : owners.at(-1)!;
      if (this.#position === null) return;
      await turn();
    }
  }

  async #thoseWithExcess(owners: TimelineOwner[]): Promise<TimelineOwner[]> {
    const excess = await Promise.all(owners.map((owner) => this.#hasExcess(owner)));
    return owners.filter((_, i) => excess[i]);
  }

  async #hasExcess({ shard, user: name }: TimelineOwner): Promise<boolean> {
    const { store, users } = this.#volume;
    const user = users.peek(name);
    const { seq, trimmed } =
      user === undefined ? await store.head(shard, name) : { seq: user.committed, trimmed: user.trimmed };
    if (trimmed < this.#tooManyUpTo(seq)) return true;
    if (this.#volume.options.settings.retention.maxAgeSeconds === 0) return false;
    const [oldest] = await store.timeline(shard, name, { after: trimmed, limit: 1 });
    return oldest !== undefined && timeOf(oldest.value) < this.#tooOldBefore();
  }

  async #trim(name: string): Promise<void> {
    const { users } = this.#volume;
    const user = users.peek(name) ?? (await users.load(name));
    this.#current = user;
    try {
      while (!this.#mustRest() && (await this.#removePiece(user))) await turn();
    } finally {
      this.#current = null;
    }
  }

  /** Whether there may be more to remove. */
  async #removePiece(user: UserState): Promise<boolean> {
    const { store, commit } = this.#volume;
    const entries = await store.timeline(user.shard, user.name, {
      after: user.trimmed,
      before: user.committed + 1,
      limit: PIECE_ENTRIES,
    });
    const upTo = this.#tooManyUpTo(user.committed);
    const before = this.#tooOldBefore();
    let count = 0;
    while (count < entries.length && (entries[count]!.seq <= upTo || timeOf(entries[count]!.value) < before)) count++;
    if (count === 0 || this.#mustRest()) return false;

    const batch = commit.current();
    let trimmed = user.trimmed;
    let floor = user.clientIdFloor;
    for (const { seq, value } of entries.slice(0, count)) {
      const clientId = isOut(value) ? idOf(value) : null;
      batch.store.deleteEntry(user.shard, user.name, seq, conversationOf(value), clientId);
      trimmed = seq;
      floor = Math.max(floor, clientId ?? 0);
    }
    batch.store.putTrimmed(user.shard, user.name, trimmed, floor);
    // Before the commit: a look into the store that finds nothing must find the floor raised.
    user.trimmed = trimmed;
    user.clientIdFloor = floor;
    await new Promise<void>((resolve) => batch.effects.push({ apply: resolve }));
    this.removed += count;
    return count === entries.length;
  }

  #tooManyUpTo(newest: number): number {
    const { maxEntries } = this.#volume.options.settings.retention;
    return maxEntries === 0 ? 0 : newest - maxEntries;
  }

  /** ms since the epoch. */
  #tooOldBefore(): number {
    const { maxAgeSeconds } = this.#volume.options.settings.retention;
    return maxAgeSeconds === 0 ? 0 : this.#volume.options.now() - maxAgeSeconds * 1_000;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
