/**
 * Group commit: what is written in one turn of the event loop goes to the store as one batch, one batch at a time, in
 * order; while a batch is on its way the next one gathers. So the cost of an fsync is shared by all messages that arrived
 * during the previous one, and nobody waits for a timer.
 *
 * A circuit says whether the store can be relied on:
 *
 *   closed ── a commit fails, or neither fails nor succeeds in time ──▶ open ── a pause later ──▶ half-open (a retry is under way)
 *      ▲                                                                 ▲                            │
 *      └───────────────────────── it succeeds ──────────────────────────┼────────────────────────────┤
 *                                                                        └──────── it fails, or hangs ─┘
 *
 * The batch is tried again with growing pauses until it succeeds (its operations are idempotent); nothing overtakes it. Effects
 * of a batch (acknowledgements, pushes) run after its commit, in the order in which they were added. What waits for longer than
 * the owner wants to promise is handed to `giveUp`, once, and goes on waiting all the same.
 *
 * What gathers behind a slow commit is bounded: beyond `maxBytes` `healthy` is false until the next batch has begun.
 */
import type { MessageStore, StoreBatch } from './message-store.ts';

export interface GroupCommitBatch<Effect> {
  store: StoreBatch;
  effects: Effect[];
}

export type CircuitState = 'closed' | 'open' | 'half-open';

export interface GroupCommitOptions<Effect> {
  store: MessageStore;
  /** Called just before the batch is handed to the store: the last chance to add what is gathered per batch. */
  seal: (batch: GroupCommitBatch<Effect>) => void;
  /** Called once the batch holds what the durability level promises. */
  committed: (batch: GroupCommitBatch<Effect>) => void;
  /** Called when the circuit opens, with its reason, at each further failure, and when it closes (null). */
  health: (healthy: boolean, error: Error | null) => void;
  /** Called when `healthy` is true again after it was false, for whatever reason; before the effects of the batch. */
  recovered?: () => void;
  /** Effects whose commit has not succeeded for `giveUpMs`; each is given once. They are applied later all the same. */
  giveUp?: (effects: Effect[], reason: Error) => void;
  giveUpMs?: number;
  /** A commit that has not been answered for so long opens the circuit. */
  hangMs?: number;
  /** What may gather behind a commit. */
  maxBytes?: number;
  /** ms; only differences count. */
  now?: () => number;
  /** Injected for tests. */
  schedule?: (task: () => void) => void;
  retryDelayMs?: { first: number; most: number };
}

const HANG_MS = 5_000;

export class GroupCommit<Effect> {
  /** Whether new work is taken: the circuit is closed, and what gathers is within its bound. */
  healthy = true;
  state: CircuitState = 'closed';
  commits = 0;
  failures = 0;
  /** The newest trouble, also when it is over. */
  lastError: Error | null = null;
  #options: GroupCommitOptions<Effect>;
  #schedule: (task: () => void) => void;
  #now: () => number;
  #maxBytes: number;
  #building: GroupCommitBatch<Effect>;
  /** The batch under way, since when, and since when its newest attempt waits for an answer (null: in a pause). */
  #inFlight: GroupCommitBatch<Effect> | null = null;
  #inFlightSince = 0;
  #attemptSince: number | null = null;
  #troubleSince = 0;
  /** How many effects of the batch under way, and of the one that gathers, were handed to `giveUp`. */
  #givenUp = { inFlight: 0, building: 0 };
  #scheduled = false;
  #idleWaiters: Array<() => void> = [];
  #stopped = false;

  constructor(options: GroupCommitOptions<Effect>) {
    this.#options = options;
    this.#schedule = options.schedule ?? setImmediate;
    this.#now = options.now ?? Date.now;
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#building = this.#fresh();
  }

  /** The batch being gathered; touching it schedules its commit at the end of this turn. */
  current(): GroupCommitBatch<Effect> {
    if (this.#inFlight === null) {
      if (!this.#scheduled) {
        this.#scheduled = true;
        this.#schedule(() => {
          this.#scheduled = false;
          this.#flush();
        });
      }
    } else if (this.#building.store.bytes > this.#maxBytes) {
      this.healthy = false;
    }
    return this.#building;
  }

  /** Bytes that wait for the store. */
  get waitingBytes(): number {
    return this.#building.store.bytes + (this.#inFlight?.store.bytes ?? 0);
  }

  /** How long the circuit has not been closed, ms. */
  get troubleMs(): number {
    return this.state === 'closed' ? 0 : this.#now() - this.#troubleSince;
  }

  /** To be called about once a second: finds commits that hang, and those that must be given up. */
  watch(): void {
    if (this.#inFlight === null || this.#stopped) return;
    const now = this.#now();
    const giveUpMs = this.#options.giveUpMs ?? Number.POSITIVE_INFINITY;
    const hangMs = Math.min(this.#options.hangMs ?? HANG_MS, giveUpMs);
    if (this.state !== 'open' && this.#attemptSince !== null && now - this.#attemptSince >= hangMs) {
      const seconds = Math.round((now - this.#attemptSince) / 1_000);
      this.#open(new Error(`the store has not answered a write for ${seconds} s`));
    }
    if (now - this.#inFlightSince >= giveUpMs) this.giveUp();
  }

  /** Hand all that waits to `giveUp`, as far as that has not been done: it is overdue, or the process ends. */
  giveUp(): void {
    const underWay = this.#inFlight?.effects ?? [];
    const gathered = this.#building.effects;
    const effects = [...underWay.slice(this.#givenUp.inFlight), ...gathered.slice(this.#givenUp.building)];
    this.#givenUp = { inFlight: underWay.length, building: gathered.length };
    if (effects.length === 0) return;
    const reason = this.state === 'closed' ? null : this.lastError;
    this.#options.giveUp?.(effects, reason ?? new Error('the process ended before the store had taken it'));
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
      this.#inFlight === null &&
      !this.#scheduled &&
      this.#building.store.size === 0 &&
      this.#building.effects.length === 0
    );
  }

  #flush(): void {
    if (this.#inFlight !== null || this.#stopped) return;
    const batch = this.#building;
    this.#options.seal(batch);
    if (batch.store.size === 0 && batch.effects.length === 0) {
      this.#wakeIdle();
      return;
    }
    this.#building = this.#fresh();
    this.#inFlight = batch;
    this.#inFlightSince = this.#now();
    this.#givenUp = { inFlight: this.#givenUp.building, building: 0 };
    this.#takeAgain();
    // An effect without a write (the answer to a repeated send) only keeps its place in the order.
    if (batch.store.size === 0) this.#finish(batch);
    else this.#commit(batch, this.#options.retryDelayMs?.first ?? 50);
  }

  #commit(batch: GroupCommitBatch<Effect>, delayMs: number): void {
    this.#attemptSince = this.#now();
    this.#options.store.commit(batch.store).then(
      () => this.#finish(batch),
      (error: Error) => {
        this.failures++;
        this.#attemptSince = null;
        this.#open(error);
        if (this.#stopped) return;
        const most = this.#options.retryDelayMs?.most ?? 2_000;
        setTimeout(() => {
          if (this.#stopped) return;
          this.state = 'half-open';
          this.#commit(batch, Math.min(delayMs * 2, most));
        }, delayMs);
      },
    );
  }

  #open(error: Error): void {
    if (this.state === 'closed') this.#troubleSince = this.#now();
    this.state = 'open';
    this.healthy = false;
    this.lastError = error;
    this.#options.health(false, error);
  }

  #finish(batch: GroupCommitBatch<Effect>): void {
    this.commits++;
    this.#inFlight = null;
    this.#attemptSince = null;
    if (this.state !== 'closed') {
      this.state = 'closed';
      this.#options.health(true, null);
    }
    if (!this.healthy) this.#takeAgain();
    this.#options.committed(batch);
    if (this.#building.store.size > 0 || this.#building.effects.length > 0) this.current();
    else this.#wakeIdle();
  }

  #takeAgain(): void {
    if (this.healthy || this.state !== 'closed' || this.#building.store.bytes > this.#maxBytes) return;
    this.healthy = true;
    this.#options.recovered?.();
  }

  #wakeIdle(): void {
    if (!this.#isIdle()) return;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }
}
