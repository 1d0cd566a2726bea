/**
 * All shard processes are started anew, one after another, so that users see nothing but reconnects. One that was given up
 * gets its chance first, and with it its share of the volumes. Ends early, and says so, when one does not come back: the
 * others are better left as they are.
 */
import type { ShardChild } from './shard-child.ts';

export interface RollingRestartNode {
  readonly shards: readonly ShardChild[];
  log(message: string): void;
  /** The node is being stopped. */
  isStopping(): boolean;
  /** Starts a process that does not run; rejects when it does not listen. */
  restart(shard: ShardChild): Promise<unknown>;
  /** Starts a process that was given up, and gives it its share; resolves with whether it listens. */
  revive(shard: ShardChild): Promise<boolean>;
  /** All volumes are where they belong, but for those that can't be opened. */
  isSettled(): boolean;
}

const POLL_MS = 20;

/** Resolves when it is over, one way or the other. */
export async function rollingRestart(node: RollingRestartNode): Promise<void> {
  const { shards } = node;
  const started = performance.now();
  node.log(`rolling restart of ${shards.length} shard process(es) begins`);
  const stopped = (): boolean => node.isStopping();
  for (const shard of shards.filter(({ givenUp }) => givenUp)) {
    if (stopped()) return;
    if (await node.revive(shard)) await until(() => stopped() || node.isSettled());
  }
  for (const shard of shards) {
    // At most one is missing at any time.
    await until(() => stopped() || (shards.every(({ up, givenUp }) => up || givenUp) && node.isSettled()));
    if (stopped()) return;
    if (shard.givenUp) continue;
    node.log(`rolling restart: shard ${shard.index} drains`);
    await shard.drain();
    if (stopped()) return;
    try {
      await node.restart(shard);
    } catch {
      if (!stopped()) node.log(`rolling restart ended early, because shard ${shard.index} did not come back`);
      return;
    }
    node.log(`rolling restart: shard ${shard.index} is back on port ${shard.port}`);
  }
  await until(() => stopped() || node.isSettled());
  if (!stopped()) node.log(`rolling restart done in ${((performance.now() - started) / 1_000).toFixed(1)} s`);
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
