/** Entry point of a shard process: configuration and orders come from the supervisor over the IPC channel. */
import { SERVER_DEFAULTS, type ShardConfig } from './config.ts';
import { type Shard, startShard } from './shard.ts';
import type { OpenFailure } from './shard-volumes.ts';
import type { ShardStats } from './stats.ts';

export type ToShard =
  | { type: 'start'; config: ShardConfig }
  /** Ports of all processes, and which of them serves each volume; −1: none now. */
  | { type: 'owners'; ports: number[]; table: number[] }
  /** Open a volume and serve it: answered by `opened` or `not-opened`. */
  | { type: 'adopt'; volume: number }
  /** Close a volume, so that another process may open it: answered by `released`. */
  | { type: 'release'; volume: number }
  | { type: 'drain' };

export type FromShard =
  | { type: 'listening'; port: number; failures: OpenFailure[] }
  | { type: 'opened'; volume: number }
  | { type: 'not-opened'; failure: OpenFailure }
  | { type: 'released'; volume: number }
  /** Once a second; `null` until it listens: it is not dead, only busy opening what it has. */
  | { type: 'stats'; stats: ShardStats | null }
  | { type: 'log'; message: string }
  | { type: 'failed'; message: string; code: string };

const tell = (message: FromShard): void => {
  if (process.connected) process.send?.(message);
};
const log = (message: string): void => tell({ type: 'log', message });

let shard: Shard | undefined;
let owners: { ports: number[]; table: number[] } = { ports: [], table: [] };
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
  else if (message.type === 'adopt') void adopt(message.volume);
  else if (message.type === 'release') void release(message.volume);
  else {
    owners = message;
    shard?.setOwners(owners.ports, owners.table);
  }
});
// The supervisor is gone: nobody could stop this process any more.
process.on('disconnect', () => void end(1));
// It may have died while this module was being loaded, when nobody listened for it yet.
if (!process.connected) void end(1);
// Signals of the terminal reach the whole group; the supervisor decides when its shards end.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});

setInterval(() => tell({ type: 'stats', stats: shard?.stats() ?? null }), SERVER_DEFAULTS.statsIntervalMs);

async function start(config: ShardConfig): Promise<void> {
  try {
    shard = await startShard(config, log);
  } catch (error) {
    const { message, code } = error as Error & { code?: string };
    tell({ type: 'failed', message, code: code ?? '' });
    process.disconnect();
    return;
  }
  shard.setOwners(owners.ports, owners.table);
  tell({ type: 'listening', port: shard.port, failures: shard.failures });
}

async function adopt(volume: number): Promise<void> {
  const failure = await shard!.adopt(volume);
  tell(failure === null ? { type: 'opened', volume } : { type: 'not-opened', failure });
}

async function release(volume: number): Promise<void> {
  if (await shard!.release(volume)) tell({ type: 'released', volume });
}
