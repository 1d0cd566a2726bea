/** A node under torture: whose processes may be killed at any moment, and which starts again on the same data and port. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../loadgen/package-root.ts';
import { type NodeConfig, type NodeSettings, SERVER_DEFAULTS } from '../../server/config.ts';
import type { NodeStats } from '../../server/supervisor.ts';

export interface TortureNodeOptions {
  directory: string;
  shards: number;
  durability: NodeConfig['durability'];
  settings?: Partial<NodeSettings>;
  /** More of the environment, such as what is preloaded. */
  environment?: Record<string, string>;
}

const START_TIMEOUT_MS = 60_000;
/** A drain is bounded by 5 s and what its last commits take. */
const ORPHANS_END_MS = 30_000;
const LOG_KEPT_CHARACTERS = 20_000;

export class TortureNode {
  /** Router port: free at the first start, the same ever after. */
  port = 0;
  /** The end of what the node wrote to standard error. */
  log = '';
  readonly #options: TortureNodeOptions;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();

  constructor(options: TortureNodeOptions) {
    this.#options = options;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  /** Resolves once all shard processes serve. Rejects with what the node said when it does not start. */
  async start(): Promise<void> {
    const { directory, shards, durability, settings, environment } = this.#options;
    const config: NodeConfig & { stopWithParent: boolean } = {
      host: '127.0.0.1',
      port: this.port,
      shardPort: 0,
      publicHost: null,
      shards,
      store: { kind: 'level', directory },
      durability,
      authSecret: null,
      idleTimeoutSeconds: SERVER_DEFAULTS.idleTimeoutSeconds,
      maxBodyBytes: SERVER_DEFAULTS.maxBodyBytes,
      maxBacklogBytes: SERVER_DEFAULTS.maxBacklogBytes,
      settings: settings ?? {},
      stopWithParent: true,
    };
    const main = join(packageRoot(), 'dist/server/main.js');
    const child = spawn(process.execPath, ['--enable-source-maps', main], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...process.env, ...environment, PLIMSOLL_NODE_CONFIG: JSON.stringify(config) },
    });
    this.#child = child;
    child.stdin!.on('error', () => {}); // a killed node does not read any more
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.log = (this.log + text).slice(-LOG_KEPT_CHARACTERS);
    });
    this.#exited = new Promise((resolve) => child.once('exit', () => resolve()));
    this.port = await this.#listeningPort(child);
  }

  async stats(): Promise<NodeStats> {
    return (await (await fetch(`${this.url}/v1/stats`)).json()) as NodeStats;
  }

  /** Process ids of the shard processes that run now (proc_pid_task_children(5)); empty when the supervisor is dead. */
  shardPids(): number[] {
    try {
      return readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    } catch {
      return [];
    }
  }

  /** `kill -9` of the supervisor and all shard processes at once. Resolves when none of them is there any more. */
  async kill(): Promise<void> {
    // Stopped first: it must not start a shard process between the look at its children and its own end.
    killPid(this.pid, 'SIGSTOP');
    const shards = this.shardPids();
    for (const pid of shards) killPid(pid, 'SIGKILL');
    killPid(this.pid, 'SIGKILL');
    await this.#exited;
    while (shards.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 2));
  }

  /** `kill -9` of the supervisor alone: the shard processes notice, drain and end. Resolves when they have; rejects if they don't. */
  async killSupervisor(): Promise<void> {
    const shards = this.shardPids();
    killPid(this.pid, 'SIGKILL');
    await this.#exited;
    const deadline = performance.now() + ORPHANS_END_MS;
    while (shards.some(isRunning)) {
      if (performance.now() > deadline) {
        const orphans = shards.filter(isRunning);
        for (const pid of orphans) killPid(pid, 'SIGKILL');
        throw new Error(`shard process(es) ${orphans.join(', ')} live on without their supervisor`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** SIGTERM, and wait. */
  async stop(): Promise<void> {
    if (this.#child === undefined) return;
    this.#child.kill('SIGTERM');
    await this.#exited;
  }

  #listeningPort(child: ChildProcess): Promise<number> {
    return new Promise((resolve, reject) => {
      let text = '';
      const timer = setTimeout(
        () => reject(new Error(`the node did not start in ${START_TIMEOUT_MS} ms`)),
        START_TIMEOUT_MS,
      );
      child.stdout!.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const end = text.indexOf('\n');
        if (end < 0) return;
        clearTimeout(timer);
        resolve((JSON.parse(text.slice(0, end)) as { listening: { port: number } }).listening.port);
      });
      child.once('close', () => {
        clearTimeout(timer);
        reject(new Error(`the node did not start: ${this.log.trim().split('\n').at(-1)}`));
      });
    });
  }
}

/** Signal a process that may be gone. Returns whether it was there. */
export function killPid(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Whether a process runs; one that is dead and not yet reaped does not. */
export function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2)[0]!);
  } catch {
    return false;
  }
}
