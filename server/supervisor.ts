/**
 * A node: starts the shard processes, watches them, starts them again when they die, and answers on the router port
 * where users live and how the node is.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError, type NodeConfig, SERVER_DEFAULTS, type ShardConfig, settingsOf } from './config.ts';
import { openDataDirectory } from './data-directory.ts';
import { notificationsProblem } from './notifications/providers.ts';
import { type Router, startRouter } from './router.ts';
import type { FromShard, ToShard } from './shard-process.ts';
import { ProcessMeter, type ProcessStats, type ShardStats } from './stats.ts';

export interface NodeStats {
  uptimeSeconds: number;
  development: boolean;
  durability: string;
  store: string;
  /** CPU seconds of shard processes that have died, so that sums never go back. */
  cpuSecondsOfDead: number;
  supervisor: ProcessStats;
  shards: Array<ShardStatus>;
}

export interface ShardStatus {
  index: number;
  port: number;
  up: boolean;
  restarts: number;
  stats: ShardStats | null;
}

export interface Node {
  port: number;
  stats(): NodeStats;
  /** Stop accepting, tell clients, commit what is under way, end all processes. */
  stop(): Promise<void>;
}

interface ShardProcess extends ShardStatus {
  child: ChildProcess | null;
  delayMs: number;
  timer: NodeJS.Timeout | undefined;
}

const SHARD_PROCESS = fileURLToPath(new URL('./shard-process.js', import.meta.url));

/** Rejects with one sentence: ConfigError, or what a shard process said. */
export async function startNode(config: NodeConfig, log: (message: string) => void): Promise<Node> {
  const problem = notificationsProblem(settingsOf(config.settings).notifications);
  if (problem !== null) throw new ConfigError(problem);
  const volumes =
    config.store.kind === 'level' ? openDataDirectory(config.store.directory, config.shards) : config.shards;
  const supervisor = new Supervisor(config, volumes, log);
  try {
    await supervisor.start();
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  return supervisor;
}

class Supervisor implements Node {
  port = 0;
  #config: NodeConfig;
  #volumes: number;
  #log: (message: string) => void;
  #shards: ShardProcess[];
  #busDirectory: string;
  #router: Router | undefined;
  #meter = new ProcessMeter();
  #started = Date.now();
  #cpuSecondsOfDead = 0;
  #stopping = false;

  constructor(config: NodeConfig, volumes: number, log: (message: string) => void) {
    this.#config = config;
    this.#volumes = volumes;
    this.#log = log;
    this.#busDirectory = mkdtempSync(join(tmpdir(), 'plimsoll-bus-'));
    this.#shards = Array.from({ length: config.shards }, (_, index) => ({
      index,
      port: config.shardPort === 0 ? 0 : config.shardPort + index,
      up: false,
      restarts: 0,
      stats: null,
      child: null,
      delayMs: SERVER_DEFAULTS.restartDelayMs.first,
      timer: undefined,
    }));
  }

  async start(): Promise<void> {
    // The router's port first: if it is taken, nothing else needs to start.
    this.#router = await startRouter({
      host: this.#config.host,
      extraHosts: this.#config.extraHosts ?? [],
      port: this.#config.port,
      publicHost: this.#config.publicHost,
      volumes: this.#volumes,
      processes: this.#config.shards,
      portOf: (process) => this.#shards[process]!.port,
      stats: () => this.stats(),
      log: this.#log,
      addressRate: settingsOf(this.#config.settings).addressRate,
    });
    this.port = this.#router.port;
    await Promise.all(this.#shards.map((shard) => this.#startShard(shard)));
    this.#tellOwners();
  }

  stats(): NodeStats {
    const { store } = this.#config;
    return {
      uptimeSeconds: (Date.now() - this.#started) / 1_000,
      development: this.#config.authSecret === null,
      durability: store.kind === 'memory' ? 'none' : this.#config.durability,
      store: store.kind === 'memory' ? 'memory:' : `level:${store.directory}`,
      cpuSecondsOfDead: this.#cpuSecondsOfDead,
      supervisor: this.#meter.read(),
      shards: this.#shards.map(({ index, port, up, restarts, stats }) => ({ index, port, up, restarts, stats })),
    };
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#router?.stop();
    this.#meter.stop();
    await Promise.all(this.#shards.map((shard) => this.#stopShard(shard)));
    rmSync(this.#busDirectory, { recursive: true, force: true });
  }

  #startShard(shard: ShardProcess): Promise<void> {
    const child = fork(SHARD_PROCESS, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    shard.child = child;
    return new Promise((resolve, reject) => {
      let failure: Error | undefined;
      child.on('message', (message: FromShard) => {
        if (message.type === 'listening') {
          shard.port = message.port;
          shard.up = true;
          shard.delayMs = SERVER_DEFAULTS.restartDelayMs.first;
          resolve();
        } else if (message.type === 'stats') shard.stats = message.stats;
        else if (message.type === 'log') this.#log(message.message);
        else failure = shardFailure(message.message, message.code);
      });
      child.on('exit', (code, signal) => {
        const wasUp = shard.up;
        shard.up = false;
        shard.child = null;
        this.#cpuSecondsOfDead += shard.stats?.cpuSeconds ?? 0;
        if (shard.stats) shard.stats = { ...shard.stats, cpuSeconds: 0, connections: 0, rssBytes: 0 };
        const how = signal ? `was ended by ${signal}` : `ended with code ${code}`;
        if (!wasUp) reject(failure ?? new Error(`shard process ${shard.index} ${how} before it listened`));
        // At the first start the failure is the node's own, and its caller says it.
        if (this.#stopping || (!wasUp && shard.restarts === 0)) return;
        if (wasUp) this.#log(`shard ${shard.index} ${how}; it is started again`);
        else this.#log(`shard ${shard.index} did not come back: ${failure?.message ?? how}`);
        this.#restartLater(shard);
      });
      this.#tell(shard, { type: 'start', config: this.#shardConfig(shard) });
      // A process that is started again must know the others before its first client comes.
      if (!this.#ports().includes(0)) this.#tell(shard, { type: 'owners', ports: this.#ports() });
    });
  }

  #restartLater(shard: ShardProcess): void {
    shard.restarts++;
    shard.timer = setTimeout(() => {
      this.#startShard(shard).then(
        () => {
          this.#log(`shard ${shard.index} is back on port ${shard.port}`);
          this.#tellOwners();
        },
        () => {}, // logged by the exit handler, which tries again
      );
    }, shard.delayMs);
    shard.delayMs = Math.min(shard.delayMs * 2, SERVER_DEFAULTS.restartDelayMs.most);
  }

  #stopShard(shard: ShardProcess): Promise<void> {
    clearTimeout(shard.timer);
    const { child } = shard;
    if (child === null) return Promise.resolve();
    return new Promise((resolve) => {
      // A drain is bounded by itself; this is for a process that hangs or is frozen.
      const timer = setTimeout(() => child.kill('SIGKILL'), SERVER_DEFAULTS.drainTimeoutMs + 5_000);
      child.once('exit', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#tell(shard, { type: 'drain' });
    });
  }

  #tellOwners(): void {
    for (const shard of this.#shards) this.#tell(shard, { type: 'owners', ports: this.#ports() });
  }

  #ports(): number[] {
    return this.#shards.map(({ port }) => port);
  }

  #tell(shard: ShardProcess, message: ToShard): void {
    // A process that has just died does not listen any more; its exit is handled where it is reported.
    if (shard.child?.connected) shard.child.send(message, () => {});
  }

  #shardConfig(shard: ShardProcess): ShardConfig {
    const { host, publicHost, store, durability, authSecret, idleTimeoutSeconds, maxBodyBytes, maxBacklogBytes } =
      this.#config;
    return {
      index: shard.index,
      publicHost,
      processes: this.#config.shards,
      volumes: this.#volumes,
      host,
      extraHosts: this.#config.extraHosts ?? [],
      port: shard.port,
      busDirectory: this.#busDirectory,
      store,
      durability,
      authSecret,
      idleTimeoutSeconds,
      maxBodyBytes,
      maxBacklogBytes,
      settings: settingsOf(this.#config.settings),
    };
  }
}

/** Port and data directory are the user's to choose: a configuration error. */
function shardFailure(message: string, code: string): Error {
  return ['EADDRINUSE', 'locked', 'unwritable', 'corrupt'].includes(code)
    ? new ConfigError(message)
    : new Error(message);
}
