/**
 * Finds users that have registered devices, no device connected, and messages that nobody has acknowledged: after a
 * restart, and after more came at once than the notifier keeps in memory. A walk through the store, at the pace at
 * which they are dealt with.
 */
import type { Volume } from '../messenger/volume.ts';
import { logicalShard } from '../shard-map.ts';
import type { Registrations } from './registrations.ts';

const PIECE_USERS = 256;
const PAUSE_MS = 1_000;

export class UnnotifiedUsers {
  #volume: Volume;
  #registrations: Registrations;
  #hooks: { hasRoom: () => boolean; found: (name: string) => void };
  #timer: NodeJS.Timeout | undefined;
  #walking = false;
  /** Asked for during a walk: those behind its position may have been missed. */
  #again = false;
  #stopped = false;

  constructor(
    volume: Volume,
    registrations: Registrations,
    hooks: { hasRoom: () => boolean; found: (name: string) => void },
  ) {
    this.#volume = volume;
    this.#registrations = registrations;
    this.#hooks = hooks;
  }

  /** Walk once, starting in `delayMs`. */
  seek(delayMs: number): void {
    if (this.#stopped || this.#timer !== undefined) return;
    if (this.#walking) {
      this.#again = true;
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#walking = true;
      void this.#walk().finally(() => {
        this.#walking = false;
        if (!this.#again) return;
        this.#again = false;
        this.seek(PAUSE_MS);
      });
    }, delayMs);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #walk(): Promise<void> {
    let after: string | undefined;
    for (;;) {
      try {
        const names = await this.#registrations.users(after, PIECE_USERS);
        for (const name of names) {
          if (await this.#isUnnotified(name)) {
            await this.#room();
            this.#hooks.found(name);
          }
          if (this.#stopped) return;
          after = name;
        }
        if (names.length < PIECE_USERS) return;
      } catch (error) {
        if (this.#stopped) return;
        const { id, options } = this.#volume;
        options.log(`volume ${id}: can't read who is to be notified: ${(error as Error).message}`);
        await pause();
      }
    }
  }

  async #room(): Promise<void> {
    while (!this.#hooks.hasRoom() && !this.#stopped) await pause();
  }

  async #isUnnotified(name: string): Promise<boolean> {
    const user = this.#volume.users.peek(name);
    if (user !== undefined) return user.devices.length === 0 && user.acknowledgedTarget < user.committed;
    const head = await this.#volume.store.head(logicalShard(name), name);
    return head.acknowledged < head.seq;
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}
