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
  /** The same for a volume that a process could not open. */
  adoptDelayMs: { first: 200, most: 10_000 },
  /** A shard process may be silent for so long before its first word, however short `unresponsiveMs` is: it is being loaded. */
  startSilenceMs: 15_000,
} as const;

/**
 * What an operator may set beyond address, store and durability. Every one has a default (`DEFAULT_SETTINGS`); whoever starts a
 * node names only those that differ. They reach the shard processes unchanged.
 */
export interface NodeSettings {
  /** A connection of which the network has taken nothing for so long, although something waits for it, is a slow consumer. */
  writeDeadlineSeconds: number;
  /** Connections and polls of one user at a time; the oldest gives way to a newer one. */
  maxConnectionsPerUser: number;
  /** Messages a second of one user, lasting and at once; 0: no limit. */
  userRate: { perSecond: number; burst: number };
  /** New connections and requests a second from one address, lasting and at once; 0: no limit. */
  addressRate: { perSecond: number; burst: number };
  maxGroupMembers: number;
  /** Members of a group whose timelines one commit appends to; the rest of a volume's users are served in between. */
  fanoutPieceMembers: number;
  /** Somebody must be online for so long before it is told to those who watch him; the same when he leaves. */
  presenceDebounceMs: number;
  /** Users that one connection may watch. */
  maxPresenceSubscriptions: number;
  /** Older entries, and those beyond the newest so many of a timeline, are removed; 0: kept for ever. */
  retention: { maxEntries: number; maxAgeSeconds: number };
  /** A user whose last poll has ended counts as connected for so long. */
  pollGraceMs: number;
  maxPollMs: number;
  /** A commit that has not succeeded for so long: its senders are told, and its messages go to the dead-letter log. */
  commitGiveUpMs: number;
  /** What may wait for a store that does not take it, per volume; beyond it new work is refused. */
  maxUncommittedBytes: number;
  /** Where dead letters are kept; null: `dead-letters` in the data directory, and nowhere for a memory store. */
  deadLetterDirectory: string | null;
  notifications: {
    /** Messages that come within this time are told in one notification. */
    collapseMs: number;
    /** Attempts before a notification is given up. */
    maxAttempts: number;
    /** Where webhook notifications go; null: devices can't ask for them. */
    webhookUrl: string | null;
    /** Keys for Web Push, and who to write to; null: devices can't ask for it. */
    vapid: { subject: string; publicKey: string; privateKey: string } | null;
    /** Hosts that a Web Push subscription may name; `*.` stands for any subdomain. */
    pushHosts: string[];
  };
  /** A shard process that has said nothing for so long is killed and started again. */
  unresponsiveMs: number;
  /** A shard process that could not be started so many times in a row is given up; others take its volumes over. */
  takeoverAfterFailures: number;
}

export const DEFAULT_SETTINGS: NodeSettings = {
  writeDeadlineSeconds: 30,
  maxConnectionsPerUser: 32,
  userRate: { perSecond: 1_000, burst: 2_000 },
  addressRate: { perSecond: 0, burst: 0 },
  maxGroupMembers: 10_000,
  fanoutPieceMembers: 512,
  presenceDebounceMs: 3_000,
  maxPresenceSubscriptions: 1_024,
  retention: { maxEntries: 0, maxAgeSeconds: 0 },
  pollGraceMs: 10_000,
  maxPollMs: 60_000,
  commitGiveUpMs: 30_000,
  maxUncommittedBytes: 64 * 1024 * 1024,
  deadLetterDirectory: null,
  notifications: {
    collapseMs: 1_000,
    maxAttempts: 8,
    webhookUrl: null,
    vapid: null,
    pushHosts: ['fcm.googleapis.com', 'updates.push.services.mozilla.com', '*.push.apple.com', '*.notify.windows.com'],
  },
  unresponsiveMs: 30_000,
  takeoverAfterFailures: 3,
};

/** Those settings that differ from the defaults. */
export type ChosenSettings = Partial<Omit<NodeSettings, 'notifications'>> & {
  notifications?: Partial<NodeSettings['notifications']>;
};

export function settingsOf(chosen: ChosenSettings = {}): NodeSettings {
  const notifications = { ...DEFAULT_SETTINGS.notifications, ...chosen.notifications };
  return { ...DEFAULT_SETTINGS, ...chosen, notifications };
}

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
  /** Those that differ from DEFAULT_SETTINGS. */
  settings?: ChosenSettings;
}

/** What a shard process is started with. */
export interface ShardConfig {
  index: number;
  publicHost: string | null;
  processes: number;
  volumes: number;
  /** The volumes to open at the start; others may come later. */
  own: number[];
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
  settings: NodeSettings;
}

/** A configuration that can't work: one sentence, found before anything is started (exit 104). */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}
