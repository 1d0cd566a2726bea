/** Entry point of a shard process: configuration and orders come from the supervisor over the IPC channel. */
import { SERVER_DEFAULTS, type ShardConfig } from './config.ts';
import { type Shard, startShard } from './shard.ts';
import type { ShardStats } from './stats.ts';

export type ToShard = { type: 'start'; config: ShardConfig } | { type: 'owners'; ports: number[] } | { type: 'drain' };

export type FromShard =
  | { type: 'listening'; port: number }
  | { type: 'stats'; stats: ShardStats }
  | { type: 'log'; message: string }
  | { type: 'failed'; message: string; code: string };

const tell = (message: FromShard): void => {
  if (process.connected) process.send?.(message);
};
const log = (message: string): void => tell({ type: 'log', message });

let shard: Shard | undefined;
let owners: number[] = [];
let ending = false;

async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  try {
    await shard?.drain();
  } finally {
    process.exit(code);
  }
}

process.on('message', (message: ToShard) => {
  if (message.type === 'start') void start(message.config);
  else if (message.type === 'drain') void end(0);
  else {
    owners = message.ports;
    shard?.setOwners(owners);
  }
});
// The supervisor is gone: nobody could stop this process any more.
process.on('disconnect', () => void end(1));
// Signals of the terminal reach the whole group; the supervisor decides when its shards end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

async function start(config: ShardConfig): Promise<void> {
  try {
    shard = await startShard(config, log);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    tell({ type: 'failed', message, code: code ?? '' });
    process.disconnect();
    return;
  }
  shard.setOwners(owners);
  tell({ type: 'listening', port: shard.port });
  setInterval(() => tell({ type: 'stats', stats: shard!.stats() }), SERVER_DEFAULTS.statsIntervalMs);
}
