/**
 * A node: starts the shard processes, watches them, starts them again when they die, and answers on the router port
 * where users live and how the node is.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ConfigError,
  type NodeConfig,
  type NodeSettings,
  SERVER_DEFAULTS,
  type ShardConfig,
  settingsOf,
} from './config.ts';
import { openDataDirectory } from './data-directory.ts';
import { Handover } from './handover.ts';
import type { Node, NodeStats } from './node.ts';
import { notificationsProblem } from './notifications/providers.ts';
import { rollingRestart } from './rolling-restart.ts';
import { type Router, startRouter } from './router.ts';
import { ShardChild, type ShardChildEvents, shardFailure } from './shard-child.ts';
import type { OpenFailure } from './shard-volumes.ts';
import { watchSilence } from './silence-watch.ts';
import { ProcessMeter } from './stats.ts';

export type { Node, NodeStats, ShardStatus } from './node.ts';

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

class Supervisor implements Node, ShardChildEvents {
  port = 0;
  #config: NodeConfig;
  #settings: NodeSettings;
  #volumes: number;
  readonly log: (message: string) => void;
  #shards: ShardChild[];
  #handover: Handover;
  #busDirectory: string;
  #router: Router | undefined;
  #meter = new ProcessMeter();
  #started = Date.now();
  #takeovers = 0;
  #rolling = false;
  #stopping = false;
  #timers = new Set<NodeJS.Timeout>();
  #watch: NodeJS.Timeout | undefined;

  constructor(config: NodeConfig, volumes: number, log: (message: string) => void) {
    this.#config = config;
    this.#settings = settingsOf(config.settings);
    this.#volumes = volumes;
    this.log = log;
    this.#busDirectory = mkdtempSync(join(tmpdir(), 'plimsoll-bus-'));
    this.#shards = Array.from(
      { length: config.shards },
      (_, index) => new ShardChild(index, config.shardPort === 0 ? 0 : config.shardPort + index, this),
    );
    this.#handover = new Handover(volumes, this.#shards, log);
  }

  async start(): Promise<void> {
    // The router's port first: if it is taken, nothing else needs to start.
    this.#router = await startRouter({
      host: this.#config.host,
      extraHosts: this.#config.extraHosts ?? [],
      port: this.#config.port,
      publicHost: this.#config.publicHost,
      volumes: this.#volumes,
      portOf: (volume) => this.#handover.portOf(volume),
      stats: () => this.stats(),
      log: this.log,
      addressRate: this.#settings.addressRate,
    });
    this.port = this.#router.port;
    const failures = await Promise.all(this.#shards.map((shard) => this.#start(shard)));
    // At the first start what does not work is the node's own failure, and its caller says it.
    const [failure] = failures.flat();
    if (failure !== undefined) throw shardFailure(failure.message, failure.code);
    this.#watch = watchSilence(this.#shards, this.#settings.unresponsiveMs, this.log);
  }

  stats(): NodeStats {
    const { store } = this.#config;
    return {
      uptimeSeconds: (Date.now() - this.#started) / 1_000,
      development: this.#config.authSecret === null,
      durability: store.kind === 'memory' ? 'none' : this.#config.durability,
      store: store.kind === 'memory' ? 'memory:' : `level:${store.directory}`,
      cpuSecondsOfDead: this.#shards.reduce((sum, { cpuSecondsOfDead }) => sum + cpuSecondsOfDead, 0),
      takeovers: this.#takeovers,
      volumesWithoutOwner: this.#handover.ownership.withoutOwner(),
      rollingRestart: this.#rolling,
      supervisor: this.#meter.read(),
      shards: this.#shards.map(({ index, port, up, givenUp, restarts, stats }) => {
        return { index, port, up, givenUp, restarts, volumes: this.#handover.ownership.servedBy(index), stats };
      }),
    };
  }

  async rollingRestart(): Promise<void> {
    if (this.#stopping) return;
    if (this.#rolling) return this.log('a rolling restart is running already; another one is not begun');
    if (this.#config.store.kind === 'memory') {
      return this.log('no rolling restart: the messages are in memory only and would be forgotten');
    }
    this.#rolling = true;
    await rollingRestart({
      shards: this.#shards,
      log: this.log,
      isStopping: () => this.#stopping,
      restart: (shard) => this.#startAgain(shard),
      revive: (shard) => this.#revive(shard),
      isSettled: () => this.#handover.ownership.isSettled(),
    });
    this.#rolling = false;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#router?.stop();
    this.#meter.stop();
    clearInterval(this.#watch);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#handover.stop();
    await Promise.all(this.#shards.map((shard) => shard.drain()));
    rmSync(this.#busDirectory, { recursive: true, force: true });
  }

  opened(shard: ShardChild, volume: number): void {
    this.#handover.opened(shard, volume);
  }

  notOpened(shard: ShardChild, failure: OpenFailure): void {
    this.#handover.notOpened(shard, failure);
  }

  released(shard: ShardChild, volume: number): void {
    this.#handover.released(shard, volume);
  }

  ended(shard: ShardChild, reason: string, wasUp: boolean): void {
    this.#handover.ownership.ended(shard.index);
    this.#handover.settle();
    if (this.#stopping || shard.stopping) return;
    // At the first start the failure is the node's own, and its caller says it.
    if (!wasUp && shard.restarts === 0) return;
    if (wasUp) this.log(`shard ${shard.index} ${reason}; it is started again`);
    else this.log(`shard ${shard.index} did not come back: ${reason}`);
    if (shard.givenUp) return;
    if (!wasUp) shard.failures++;
    // Somebody must be there to take over: where nothing can be started, nobody is given up.
    const others = this.#shards.some((other) => other !== shard && other.up && !other.stopping);
    if (shard.failures >= this.#settings.takeoverAfterFailures && others) this.#giveUp(shard);
    else this.#restartLater(shard);
  }

  async #start(shard: ShardChild): Promise<OpenFailure[]> {
    const own = this.#handover.ownership.starting(shard.index);
    const failures = await shard.start(this.#shardConfig(shard, own), this.#handover.owners());
    for (const volume of own) {
      const failure = failures.find((candidate) => candidate.volume === volume);
      if (failure === undefined) this.#handover.ownership.opened(shard.index, volume);
      else if (shard.restarts > 0) this.notOpened(shard, failure);
    }
    this.#handover.settle();
    return failures;
  }

  #startAgain(shard: ShardChild): Promise<OpenFailure[]> {
    shard.restarts++;
    return this.#start(shard);
  }

  #restartLater(shard: ShardChild): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#startAgain(shard).then(
        () => this.log(`shard ${shard.index} is back on port ${shard.port}`),
        () => {}, // logged where its end is handled, which tries again
      );
    }, shard.delayMs);
    this.#timers.add(timer);
    shard.delayMs = Math.min(shard.delayMs * 2, SERVER_DEFAULTS.restartDelayMs.most);
  }

  /** Others take its volumes over. It is dead: `ended` was called. */
  #giveUp(shard: ShardChild): void {
    shard.givenUp = true;
    const { ownership } = this.#handover;
    const moved = ownership.share(this.#living());
    this.#takeovers += moved.length;
    const heirs = new Set(moved.map((volume) => ownership.table[volume]!));
    this.log(
      `shard ${shard.index} could not be started ${shard.failures} times in a row and is given up; ` +
        `volume(s) ${moved.join(', ')} go to shard(s) ${[...heirs].join(', ')}`,
    );
    this.#handover.settle();
  }

  /** It comes back without volumes, and only once it is there its share is handed to it. */
  async #revive(shard: ShardChild): Promise<boolean> {
    try {
      await this.#startAgain(shard);
    } catch {
      return false;
    }
    if (!shard.up) return false; // dead again already
    shard.givenUp = false;
    const moved = this.#handover.ownership.share(this.#living());
    this.log(`shard ${shard.index} is back on port ${shard.port} and takes volume(s) ${moved.join(', ')}`);
    this.#handover.settle();
    return true;
  }

  #living(): number[] {
    return this.#shards.filter(({ givenUp }) => !givenUp).map(({ index }) => index);
  }

  #shardConfig(shard: ShardChild, own: number[]): ShardConfig {
    const { port: _, shards, shardPort: __, extraHosts = [], ...rest } = this.#config;
    return {
      ...rest,
      index: shard.index,
      processes: shards,
      volumes: this.#volumes,
      own,
      extraHosts,
      port: shard.port,
      busDirectory: this.#busDirectory,
      settings: this.#settings,
    };
  }
}
