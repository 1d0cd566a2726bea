/**
 * After the load, users who are offline come once more, for what was sent to them meanwhile: a message that waits for its
 * recipient is not lost, and whether it is still there is what the ledger is to tell.
 */
import type { Clock } from '../clock.ts';
import type { Connector } from './connector.ts';
import type { VirtualUser } from './virtual-user.ts';

export interface CatchUpOptions {
  clock: Clock;
  connector: Connector;
  /** Disconnect in order. */
  leave: (user: VirtualUser) => void;
}

/** Users who catch up at the same time. */
const AT_ONCE = 100;
const LOOK_MS = 20;
const ATTEMPTS = 5;
const RETRY_MS = 500;
/** Where the server does not say how much there is, caught up means that nothing came for so long. */
const QUIET_MS = 300;

export class CatchUp {
  /** Users who are not through yet. */
  left = 0;
  #options: CatchUpOptions;
  #users: readonly VirtualUser[] = [];
  #unsent: Promise<void> = Promise.resolve();
  #now = new Set<VirtualUser>();
  #stopped = false;

  constructor(options: CatchUpOptions) {
    this.#options = options;
  }

  /** Is this user connected for this only? */
  wants(user: VirtualUser): boolean {
    return this.#now.has(user);
  }

  /** Those among them who still have something to send come at once: it is for others of them. */
  start(users: readonly VirtualUser[]): void {
    this.left = users.length;
    this.#users = users;
    this.#unsent = this.#each(users.filter(hasUnsent), (user) => this.#one(user));
  }

  /** Nothing is under way to anybody any more: all come. Whoever came before would leave without what is stored after. */
  async fetch(): Promise<void> {
    await this.#unsent;
    await this.#each(this.#users, async (user) => {
      await this.#one(user);
      this.left--;
    });
  }

  stop(): void {
    this.#stopped = true;
  }

  async #each(users: readonly VirtualUser[], call: (user: VirtualUser) => Promise<void>): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < users.length && !this.#stopped) await call(users[next++]!);
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, users.length) }, worker));
  }

  async #one(user: VirtualUser): Promise<void> {
    const { connector, leave } = this.#options;
    this.#now.add(user);
    // All that comes now was sent to somebody offline.
    user.onlineSinceMs = Number.POSITIVE_INFINITY;
    // Not connected yet, or lost on the way; whom the server refuses for good is given up.
    for (let attempt = 0; attempt < ATTEMPTS && !(await this.#caughtUp(user)); attempt++) {
      if (this.#stopped) break;
      await connector.begin(user, () => this.#stopped);
      // An attempt that was under way before goes on by itself, and is none of these.
      while (user.reconnecting && !this.#stopped) await this.#pause(LOOK_MS);
      if (user.connection === null) await this.#pause(RETRY_MS);
    }
    this.#now.delete(user);
    if (!this.#stopped) leave(user);
  }

  /** Resolves with false when there is no connection, or none any more. */
  async #caughtUp(user: VirtualUser): Promise<boolean> {
    const { clock } = this.#options;
    let position = -1;
    let sinceMs = clock.nowMs();
    while (!this.#stopped && user.connection !== null) {
      const { connection } = user;
      if (connection.position !== position) {
        position = connection.position;
        sinceMs = clock.nowMs();
      }
      const { head } = connection;
      const quiet = clock.nowMs() - sinceMs >= QUIET_MS;
      if (!hasUnsent(user) && (head === undefined ? quiet : position >= head)) return true;
      await this.#pause(LOOK_MS);
    }
    return false;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(ms, resolve));
  }
}

function hasUnsent({ outstanding }: VirtualUser): boolean {
  return outstanding.some(({ acknowledged }) => !acknowledged);
}
