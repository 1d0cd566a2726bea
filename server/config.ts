/** Every default and limit of a node, units in the names. */
import type { Durability } from './store/message-store.ts';

export const SERVER_DEFAULTS = {
  host: '127.0.0.1',
  port: 4600,
  durability: 'fsync' as Durability,
  /** Multiple of 4 s; a client silent (no frame, no pong) for longer is closed. Pings go out by themselves before. */
  idleTimeoutSeconds: 120,
  maxBodyBytes: 16_384,
  /** A connection that leaves more than this unread is a slow consumer. */
  maxBacklogBytes: 1_048_576,
  /** Forwarded messages of one destination kept in memory while it is away; more are read back from the store. */
  outboxMemoryBytes: 32 * 1024 * 1024,
  drainTimeoutMs: 5_000,
  statsIntervalMs: 1_000,
  /** A shard process that dies is started again after this, doubling up to the most. */
  restartDelayMs: { first: 100, most: 5_000 },
} as const;

/** What the node is started with. */
export interface NodeConfig {
  host: string;
  /** Further addresses of this machine to listen on, same ports. Each has client ports of its own (28,000 on Linux). */
  extraHosts?: string[];
  /** Router port; 0 picks a free one. Shard processes listen on free ports unless `shardPort` names the first. */
  port: number;
  shardPort: number;
  /** Name that clients are told to connect to; default: the host they asked the router by, or `host`. */
  publicHost: string | null;
  shards: number;
  store: { kind: 'level'; directory: string } | { kind: 'memory' };
  durability: Durability;
  /** Null: development mode, anybody may be anyone. */
  authSecret: string | null;
  idleTimeoutSeconds: number;
  maxBodyBytes: number;
  maxBacklogBytes: number;
}

/** What a shard process is started with. */
export interface ShardConfig {
  index: number;
  publicHost: string | null;
  processes: number;
  volumes: number;
  host: string;
  extraHosts: string[];
  port: number;
  busDirectory: string;
  store: NodeConfig['store'];
  durability: Durability;
  authSecret: string | null;
  idleTimeoutSeconds: number;
  maxBodyBytes: number;
  maxBacklogBytes: number;
}

/** A configuration that can't work: one sentence, found before anything is started (exit 104). */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}
