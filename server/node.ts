/** What a node is to whoever starts it, and what it says of itself. */
import type { ProcessStats, ShardStats } from './stats.ts';

export interface NodeStats {
  uptimeSeconds: number;
  development: boolean;
  durability: string;
  store: string;
  /** CPU seconds of shard processes that have died, so that sums never go back. */
  cpuSecondsOfDead: number;
  /** How often a volume was given to another process because its own could not be started. */
  takeovers: number;
  /** Volumes that no process serves at this moment. */
  volumesWithoutOwner: number[];
  /** The shard processes are being started anew, one after another. */
  rollingRestart: boolean;
  supervisor: ProcessStats;
  shards: ShardStatus[];
}

export interface ShardStatus {
  index: number;
  port: number;
  up: boolean;
  /** It could not be started; others serve its volumes until the next rolling restart. */
  givenUp: boolean;
  restarts: number;
  /** The volumes that it serves. */
  volumes: number[];
  stats: ShardStats | null;
}

export interface Node {
  port: number;
  stats(): NodeStats;
  /** Start all shard processes anew, one after another. Resolves when that is over; at once, with a log line, if it can't be. */
  rollingRestart(): Promise<void>;
  /** Stop accepting, tell clients, commit what is under way, end all processes. */
  stop(): Promise<void>;
}
