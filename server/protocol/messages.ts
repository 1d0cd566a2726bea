/**
 * The messages of the chat protocol, as both codecs see them (PROTOCOL.md is the specification).
 *
 * Integers are whole numbers up to 2^53 - 1. `id` is the client message id: chosen by the sending client, unique per
 * user, best increasing (a time in microseconds does well), because an id above all earlier ones is known to be new
 * without a look into the store. `seq` is a position in one user's timeline: 1, 2, 3, … without a gap.
 */

export const BINARY_SUBPROTOCOL = 'plimsoll.v1';
export const JSON_SUBPROTOCOL = 'plimsoll.v1.json';

/** Hard bounds of the wire format; a server may be configured to less. */
export const LIMITS = {
  userIdBytes: 64,
  deviceIdBytes: 32,
  bodyBytes: 65_536,
  statusPeers: 256,
  groupIdBytes: 64,
  /** Users named in one `group` or `presence` message. */
  namedUsers: 256,
} as const;

/** Send a message to a user. Answered by `sent`, or by `error` with the same id. Repeating it is safe. */
export interface Send {
  type: 'send';
  id: number;
  to: string;
  body: Uint8Array;
}

/** Everything up to and including `seq` has reached this device. Cumulative. */
export interface Ack {
  type: 'ack';
  seq: number;
}

/** Ask how far each of these peers has received what this user sent; answered by one `receipt` per known peer. */
export interface Status {
  type: 'status';
  peers: string[];
}

/** Send a message to all members of a group; everything else as `send` to a user. In JSON: a `send` with `group` for `to`. */
export interface SendGroup {
  type: 'send';
  id: number;
  group: string;
  body: Uint8Array;
}

export const GROUP_ACTIONS = ['create', 'join', 'leave', 'add', 'remove', 'promote', 'demote', 'info'] as const;
export type GroupAction = (typeof GROUP_ACTIONS)[number];

/**
 * Do something with a group; answered by `group` or `error` with the same id (any number; it is not a client message id).
 * `users`: whom to add (also at `create`), remove, make an owner (`promote`) or a mere member (`demote`).
 * `open`: at `create`, whether anybody may join by himself.
 */
export interface GroupRequest {
  type: 'group';
  id: number;
  action: GroupAction;
  group: string;
  open: boolean;
  users: string[];
}

export const PRESENCE_ACTIONS = ['pull', 'subscribe', 'unsubscribe'] as const;
export type PresenceAction = (typeof PRESENCE_ACTIONS)[number];

/** `pull`: who of these is online, once. `subscribe`: the same, and again whenever it changes; `unsubscribe` ends that. */
export interface PresenceRequest {
  type: 'presence';
  action: PresenceAction;
  users: string[];
}

export type ClientMessage = Send | SendGroup | Ack | Status | GroupRequest | PresenceRequest;

/** First message on a connection. `head` is the newest sequence; `after` is where this connection's stream starts. */
export interface Welcome {
  type: 'welcome';
  user: string;
  device: string;
  head: number;
  after: number;
  /** Server clock, ms since the epoch. */
  time: number;
  idleTimeoutSeconds: number;
  maxBodyBytes: number;
}

/** The message is stored and will reach its recipient. `seq` is its place in the sender's own timeline. */
export interface Sent {
  type: 'sent';
  id: number;
  seq: number;
  time: number;
}

/**
 * One timeline entry. `out`: sent by this user (perhaps from another device) to `peer`; `in`: received from `peer`.
 * In a group message `peer` is its author, `group` the group's id, and `groupSeq` its place in the group's own history
 * (0 in the author's own timeline, where it stands before the group has numbered it).
 */
export interface Message {
  type: 'message';
  direction: 'in' | 'out';
  seq: number;
  /** The client message id that its sender gave it. */
  id: number;
  time: number;
  peer: string;
  body: Uint8Array;
  /** Absent in messages between two users. */
  group?: string;
  groupSeq?: number;
}

export const GROUP_ROLES = ['none', 'member', 'owner'] as const;
export type GroupRole = (typeof GROUP_ROLES)[number];

/**
 * What a group is to this user now: the answer to a `group` request, or, with id 0, the news that it has changed (somebody
 * added or removed the user). `head` is the newest place in the group's history. Both counts are 0 in news.
 */
export interface GroupState {
  type: 'group';
  id: number;
  group: string;
  role: GroupRole;
  members: number;
  head: number;
}

export const PRESENCE_STATES = ['offline', 'online', 'unknown'] as const;
export type PresenceStateName = (typeof PRESENCE_STATES)[number];

/** Who is online: the answer to a `presence` request, and news of those who are watched. `unknown`: his shard does not answer. */
export interface PresenceStates {
  type: 'presence';
  users: Array<{ user: string; state: PresenceStateName }>;
}

/**
 * All messages to `peer` up to the sender's own sequence `upTo` are `delivered` (a device of the recipient acknowledged)
 * or `stored` (kept for a recipient who has no device connected). Cumulative per state.
 */
export interface Receipt {
  type: 'receipt';
  state: 'delivered' | 'stored';
  peer: string;
  upTo: number;
}

/** An operation failed. `id` is the client message id of the failed send, or 0. `retryAfterMs` is 0 when unknown. */
export interface ProtocolErrorMessage {
  type: 'error';
  code: number;
  id: number;
  retryAfterMs: number;
  text: string;
}

/** This user lives elsewhere: connect to `url`. The connection closes with code 4301 after it. */
export interface Redirect {
  type: 'redirect';
  url: string;
}

/** The asked-for suffix is not available: read history up to `position`; the stream goes on from there. */
export interface Reset {
  type: 'reset';
  position: number;
}

export type ServerMessage =
  | Welcome
  | Sent
  | Message
  | Receipt
  | ProtocolErrorMessage
  | Redirect
  | Reset
  | GroupState
  | PresenceStates;
