/**
 * Group commit: what is written in one turn of the event loop goes to the store as one batch, one batch at a time, in
 * order; while a batch is on its way the next one gathers. So the cost of an fsync is shared by all messages that arrived
 * during the previous one, and nobody waits for a timer.
 *
 * A batch that fails is tried again with growing pauses until it succeeds (its operations are idempotent); meanwhile
 * `healthy` is false, and callers refuse new work. Effects of a batch (acknowledgements, pushes) run after its commit,
 * in the order in which they were added.
 */
import type { MessageStore, StoreBatch } from './message-store.ts';

export interface GroupCommitBatch<Effect> {
  store: StoreBatch;
  effects: Effect[];
}

export interface GroupCommitOptions<Effect> {
  store: MessageStore;
  /** Called just before the batch is handed to the store: the last chance to add what is gathered per batch. */
  seal: (batch: GroupCommitBatch<Effect>) => void;
  /** Called once the batch holds what the durability level promises. */
  committed: (batch: GroupCommitBatch<Effect>) => void;
  /** Called when the store's state changes between taking and refusing writes. */
  health: (healthy: boolean, error: Error | null) => void;
  /** Injected for tests. */
  schedule?: (task: () => void) => void;
  retryDelayMs?: { first: number; most: number };
}

export class GroupCommit<Effect> {
  healthy = true;
  commits = 0;
  failures = 0;
  #options: GroupCommitOptions<Effect>;
  #schedule: (task: () => void) => void;
  #building: GroupCommitBatch<Effect>;
  #inFlight = false;
  #scheduled = false;
  #idleWaiters: Array<() => void> = [];
  #stopped = false;

  constructor(options: GroupCommitOptions<Effect>) {
    this.#options = options;
    this.#schedule = options.schedule ?? setImmediate;
    this.#building = this.#fresh();
  }

  /** The batch being gathered; touching it schedules its commit at the end of this turn. */
  current(): GroupCommitBatch<Effect> {
    if (!this.#scheduled && !this.#inFlight) {
      this.#scheduled = true;
      this.#schedule(() => {
        this.#scheduled = false;
        this.#flush();
      });
    }
    return this.#building;
  }

  /** Resolves when everything gathered so far is committed. */
  idle(): Promise<void> {
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Give up retrying (the process ends); what is not committed was never acknowledged. */
  stop(): void {
    this.#stopped = true;
  }

  #fresh(): GroupCommitBatch<Effect> {
    return { store: this.#options.store.batch(), effects: [] };
  }

  #isIdle(): boolean {
    return (
      !this.#inFlight && !this.#scheduled && this.#building.store.size === 0 && this.#building.effects.length === 0
    );
  }

  #flush(): void {
    if (this.#inFlight || this.#stopped) return;
    const batch = this.#building;
    this.#options.seal(batch);
    if (batch.store.size === 0 && batch.effects.length === 0) {
      this.#wakeIdle();
      return;
    }
    this.#building = this.#fresh();
    this.#inFlight = true;
    // An effect without a write (the answer to a repeated send) only keeps its place in the order.
    if (batch.store.size === 0) this.#finish(batch);
    else this.#commit(batch, this.#options.retryDelayMs?.first ?? 50);
  }

  #commit(batch: GroupCommitBatch<Effect>, delayMs: number): void {
    this.#options.store.commit(batch.store).then(
      () => this.#finish(batch),
      (error: Error) => {
        this.failures++;
        this.healthy = false;
        this.#options.health(false, error);
        if (this.#stopped) return;
        const most = this.#options.retryDelayMs?.most ?? 2_000;
        setTimeout(() => this.#commit(batch, Math.min(delayMs * 2, most)), delayMs);
      },
    );
  }

  #finish(batch: GroupCommitBatch<Effect>): void {
    this.commits++;
    this.#inFlight = false;
    if (!this.healthy) {
      this.healthy = true;
      this.#options.health(true, null);
    }
    this.#options.committed(batch);
    if (this.#building.store.size > 0 || this.#building.effects.length > 0) this.current();
    else this.#wakeIdle();
  }

  #wakeIdle(): void {
    if (!this.#isIdle()) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }
}
