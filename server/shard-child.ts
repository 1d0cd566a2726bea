/** One shard process as its node sees it: forked, spoken to, listened to, and, when it hangs, killed. No policy. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ConfigError, SERVER_DEFAULTS, type ShardConfig } from './config.ts';
import type { FromShard, ToShard } from './shard-process.ts';
import type { OpenFailure } from './shard-volumes.ts';
import type { ShardStats } from './stats.ts';

const SHARD_PROCESS = fileURLToPath(new URL('./shard-process.js', import.meta.url));
/** A drain is bounded by itself; a process that needs so much longer hangs or is frozen. */
const DRAIN_GRACE_MS = 5_000;

export interface ShardChildEvents {
  opened(child: ShardChild, volume: number): void;
  notOpened(child: ShardChild, failure: OpenFailure): void;
  released(child: ShardChild, volume: number): void;
  log(message: string): void;
  /** It is certainly dead. `reason`: one sentence, or what ended it; `wasUp`: it had listened. */
  ended(child: ShardChild, reason: string, wasUp: boolean): void;
}

export class ShardChild {
  readonly index: number;
  /** 0 until it is known. */
  port: number;
  /** It listens. */
  up = false;
  restarts = 0;
  /** Starts that have failed in a row. */
  failures = 0;
  /** Others have its volumes; it is not started any more, until somebody asks for it. */
  givenUp = false;
  /** Its end is wanted: nobody starts it again on his own. */
  stopping = false;
  stats: ShardStats | null = null;
  /** Before the next start, ms. */
  delayMs: number = SERVER_DEFAULTS.restartDelayMs.first;
  /** CPU seconds of its dead lives. */
  cpuSecondsOfDead = 0;
  #process: ChildProcess | null = null;
  #events: ShardChildEvents;
  /** `performance.now()` of its last word, and whether it has said any in this life. */
  #heardAt = 0;
  #heard = false;

  constructor(index: number, port: number, events: ShardChildEvents) {
    this.index = index;
    this.port = port;
    this.#events = events;
  }

  get running(): boolean {
    return this.#process !== null;
  }

  /**
   * Resolves, once it listens, with the volumes that it could not open. Rejects with why it ended before; `ended` has been
   * called then. `afterwards`: what it is told next.
   */
  start(config: ShardConfig, afterwards: ToShard): Promise<OpenFailure[]> {
    let process: ChildProcess;
    try {
      process = fork(SHARD_PROCESS, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    } catch (error) {
      // The system refuses in one of the ways that are not reported as an event.
      this.#events.ended(this, `could not be started (${(error as Error).message})`, false);
      return Promise.reject(error);
    }
    this.#process = process;
    this.#heardAt = performance.now();
    this.#heard = false;
    this.stopping = false;
    return new Promise((resolve, reject) => {
      let failure: Error | undefined;
      const ended = (how: string): void => {
        if (this.#process !== process) return;
        const wasUp = this.up;
        this.up = false;
        this.#process = null;
        this.#bury();
        const reason = failure ?? new Error(`shard process ${this.index} ${how} before it listened`);
        this.#events.ended(this, wasUp ? how : (failure?.message ?? how), wasUp);
        if (!wasUp) reject(reason);
      };
      process.on('message', (message: FromShard) => {
        if (this.#process !== process) return; // the last words of one that is dead
        this.#heardAt = performance.now();
        this.#heard = true;
        if (message.type === 'listening') {
          this.port = message.port;
          this.up = true;
          this.failures = 0;
          this.delayMs = SERVER_DEFAULTS.restartDelayMs.first;
          resolve(message.failures);
        } else if (message.type === 'failed') failure = shardFailure(message.message, message.code);
        else this.#hear(message);
      });
      process.on('exit', (code, signal) => ended(signal ? `was ended by ${signal}` : `ended with code ${code}`));
      process.on('error', (error) => {
        // Without a process id it never ran, and no exit follows.
        if (process.pid === undefined) ended(`could not be started (${error.message})`);
      });
      this.tell({ type: 'start', config });
      this.tell(afterwards);
    });
  }

  tell(message: ToShard): void {
    // A process that has just died does not listen any more; its exit is handled where it is reported.
    if (this.#process?.connected) this.#process.send(message, () => {});
  }

  /** Tells it to close its connections and end, and resolves when it has, by force if need be. */
  drain(): Promise<void> {
    const process = this.#process;
    this.stopping = true;
    if (process === null) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => process.kill('SIGKILL'), SERVER_DEFAULTS.drainTimeoutMs + DRAIN_GRACE_MS);
      process.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.tell({ type: 'drain' });
    });
  }

  /** Kills it if it has said nothing for `limitMs`; its end is reported as any. Returns how long it was silent, ms, or null. */
  killIfSilent(limitMs: number): number | null {
    if (this.#process === null || this.stopping) return null;
    const silentMs = performance.now() - this.#heardAt;
    if (silentMs < (this.#heard ? limitMs : Math.max(limitMs, SERVER_DEFAULTS.startSilenceMs))) return null;
    this.#process.kill('SIGKILL');
    this.#heardAt = performance.now();
    return silentMs;
  }

  /** Nothing could be heard for a while, for a reason that is not its: its silence does not count. */
  excuse(): void {
    this.#heardAt = performance.now();
  }

  #hear(message: FromShard): void {
    if (message.type === 'stats') this.stats = message.stats ?? this.stats;
    else if (message.type === 'log') this.#events.log(message.message);
    else if (message.type === 'opened') this.#events.opened(this, message.volume);
    else if (message.type === 'not-opened') this.#events.notOpened(this, message.failure);
    else if (message.type === 'released') this.#events.released(this, message.volume);
  }

  /** What it used counts on; what it holds does not. */
  #bury(): void {
    this.cpuSecondsOfDead += this.stats?.cpuSeconds ?? 0;
    if (this.stats) this.stats = { ...this.stats, cpuSeconds: 0, connections: 0, rssBytes: 0 };
  }
}

/** Port and data directory are the user's to choose: a configuration error. */
export function shardFailure(message: string, code: string): Error {
  return ['EADDRINUSE', 'locked', 'unwritable', 'corrupt'].includes(code)
    ? new ConfigError(message)
    : new Error(message);
}
