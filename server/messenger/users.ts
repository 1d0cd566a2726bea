/** The users (and groups: owners.ts) that a volume has in memory: loaded from the store when first touched, forgotten when idle. */
import type { MessageStore } from '../store/message-store.ts';
import { shardOfOwner } from './owners.ts';
import { type Device, newUserState, type UserState } from './user-state.ts';

/** Rounds of housekeeping (seconds) after which an idle user is forgotten. */
const IDLE_ROUNDS = 60;
/** Users looked at per round, so that a round stays short however many there are. */
const SWEEP_PER_ROUND = 20_000;
const NOTHING = { seq: 0, highestClientId: 0, acknowledged: 0, trimmed: 0, clientIdFloor: 0 };

export class Users {
  round = 0;
  #store: MessageStore;
  #loaded = new Map<string, UserState>();
  #loading = new Map<string, Promise<UserState>>();
  /** True while every user with history is in memory, so that an unknown name needs no look into the store. */
  #complete: boolean;
  #sweep: Iterator<UserState> | null = null;

  constructor(store: MessageStore) {
    this.#store = store;
    this.#complete = store.createdEmpty;
  }

  get size(): number {
    return this.#loaded.size;
  }

  /** The user if that needs no waiting. */
  get(name: string): UserState | undefined {
    const user = this.#loaded.get(name);
    if (user !== undefined) {
      user.touched = this.round;
      return user;
    }
    if (!this.#complete) return undefined;
    return this.#remember(newUserState(name, shardOfOwner(name), NOTHING));
  }

  load(name: string): Promise<UserState> {
    const user = this.get(name);
    if (user) return Promise.resolve(user);
    const under = this.#loading.get(name);
    if (under) return under;
    const shard = shardOfOwner(name);
    const loading = this.#store.head(shard, name).then(
      (head) => {
        this.#loading.delete(name);
        return this.#loaded.get(name) ?? this.#remember(newUserState(name, shard, head));
      },
      (error) => {
        this.#loading.delete(name);
        throw error;
      },
    );
    this.#loading.set(name, loading);
    return loading;
  }

  /** The user only if in memory; does not count as a touch. */
  peek(name: string): UserState | undefined {
    return this.#loaded.get(name);
  }

  /** All that are connected. */
  *devices(): Generator<Device> {
    for (const user of this.#loaded.values()) yield* [...user.devices];
  }

  /** One round of housekeeping: forgets users that have been idle for a minute. */
  sweep(busy: (user: UserState) => boolean): void {
    this.round++;
    this.#sweep ??= this.#loaded.values();
    for (let n = 0; n < SWEEP_PER_ROUND; n++) {
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = null;
        return;
      }
      const user = next.value;
      if (this.round - user.touched < IDLE_ROUNDS || user.devices.length > 0) continue;
      if (user.head !== user.committed || user.uncommittedIds !== null || user.settling || busy(user)) continue;
      this.#loaded.delete(user.name);
      if (user.head > 0) this.#complete = false;
    }
  }

  #remember(user: UserState): UserState {
    user.touched = this.round;
    this.#loaded.set(user.name, user);
    return user;
  }
}
