/** A shard process that says nothing hangs, and one that hangs helps nobody: killed, it is started again as any that dies. */
import type { ShardChild } from './shard-child.ts';

/** Kills processes that have said nothing for `limitMs`, with a log line; stop it by clearInterval. */
export function watchSilence(
  shards: readonly ShardChild[],
  limitMs: number,
  log: (message: string) => void,
): NodeJS.Timeout {
  const intervalMs = Math.min(Math.max(limitMs / 4, 50), 1_000);
  let last = performance.now();
  return setInterval(() => {
    const now = performance.now();
    // This process itself did not run (a frozen machine, a debugger): it could not have heard anything.
    const deaf = now - last > 2 * intervalMs + 500;
    last = now;
    for (const shard of shards) {
      if (deaf) shard.excuse();
      const silentMs = shard.killIfSilent(limitMs);
      if (silentMs !== null)
        log(`shard ${shard.index} has said nothing for ${(silentMs / 1_000).toFixed(1)} s and is killed`);
    }
  }, intervalMs);
}
