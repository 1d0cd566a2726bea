/**
 * Makes the table of owners true: tells shard processes which volumes to open and to give up, tries again what could not be
 * opened, and tells everybody who serves what.
 */
import { SERVER_DEFAULTS } from './config.ts';
import { Ownership } from './ownership.ts';
import type { ShardChild } from './shard-child.ts';
import type { ToShard } from './shard-process.ts';
import type { OpenFailure } from './shard-volumes.ts';

export class Handover {
  readonly ownership: Ownership;
  #shards: readonly ShardChild[];
  #log: (message: string) => void;
  #timers = new Set<NodeJS.Timeout>();
  #stopped = false;

  constructor(volumes: number, shards: readonly ShardChild[], log: (message: string) => void) {
    this.ownership = new Ownership(volumes, shards.length);
    this.#shards = shards;
    this.#log = log;
  }

  opened(shard: ShardChild, volume: number): void {
    this.ownership.opened(shard.index, volume);
    this.#log(`shard ${shard.index} serves volume ${volume} now`);
    this.settle();
  }

  notOpened(shard: ShardChild, { volume, message }: OpenFailure): void {
    const { news, failures } = this.ownership.notOpened(shard.index, volume, message);
    if (news)
      this.#log(`shard ${shard.index} can't open volume ${volume}, which nobody serves until it can: ${message}`);
    const { first, most } = SERVER_DEFAULTS.adoptDelayMs;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.ownership.retry(volume);
        this.settle();
      },
      Math.min(first * 2 ** (failures - 1), most),
    );
    this.#timers.add(timer);
    this.settle();
  }

  released(shard: ShardChild, volume: number): void {
    this.ownership.released(shard.index, volume);
    this.settle();
  }

  /** Gives the orders that are due, and tells everybody who serves what. */
  settle(): void {
    if (this.#stopped) return;
    const { adopt, release } = this.ownership.orders((process) => {
      const { up, stopping } = this.#shards[process]!;
      return up && !stopping;
    });
    for (const { process, volume } of release) this.#shards[process]!.tell({ type: 'release', volume });
    for (const { process, volume } of adopt) this.#shards[process]!.tell({ type: 'adopt', volume });
    for (const shard of this.#shards) shard.tell(this.owners());
  }

  owners(): ToShard {
    return { type: 'owners', ports: this.#shards.map(({ port }) => port), table: this.ownership.serving() };
  }

  /** Where clients of a volume connect; 0: nowhere now. A process that is being started again is back on its port. */
  portOf(volume: number): number {
    const serving = this.ownership.ownerOf(volume);
    if (serving !== null) return this.#shards[serving]!.port;
    const meant = this.#shards[this.ownership.table[volume]!]!;
    return meant.up ? 0 : meant.port;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
