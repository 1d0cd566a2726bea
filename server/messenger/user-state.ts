/** What a volume keeps in memory of a user it has touched recently. Small: there may be hundreds of thousands. */
import type { CloseEntry } from '../protocol/errors.ts';
import type { UserHead } from '../store/message-store.ts';

/** A connected device, as the messenger sees it: somewhere to write frames to. The transport implements it. */
export interface Device {
  readonly user: UserState;
  /** Newest sequence written to this device. */
  pushed: number;
  /** False while it is still being fed from the store (resume); live pushes skip it then. */
  live: boolean;
  /** Own entries above `pushed` that `sent` has told it of while it was catching up: they are not pushed as well. */
  sentAhead: Set<number> | null;
  /** The connection is gone or closing; nothing may be written any more. */
  closed: boolean;
  /** When the token that it came with was issued, seconds since the epoch; without tokens: when it came. */
  readonly issuedAt: number;
  /** Append frames; they leave at the end of the turn. The buffer must stay intact until then. */
  write(frames: Buffer): void;
  /** Append frames that may wait a little for company: they leave with the next `write`, or soon. The buffer must stay intact. */
  writeLater(frames: Buffer): void;
  /** Bytes accepted but not yet taken by the network. */
  backlogBytes(): number;
  /** End it with a code (too many connections, token revoked, flooding). It is detached before this returns, or soon after. */
  close(entry: CloseEntry): void;
}

export interface UserState {
  readonly name: string;
  /** Logical shard, 0–999. */
  readonly shard: number;
  /** Newest sequence assigned. */
  head: number;
  /** Newest sequence committed, and so visible to devices. */
  committed: number;
  highestClientId: number;
  /** Entries up to here were removed by retention. */
  trimmed: number;
  /** What became of client ids up to here may have been forgotten: one that is not found is not known to be new. */
  clientIdFloor: number;
  /** Every received entry up to here is acknowledged and its receipts are on their way. */
  acknowledged: number;
  /** What a device acknowledged; ahead of `acknowledged` while receipts are read from the store. */
  acknowledgedTarget: number;
  settling: boolean;
  /** Received entries above `coveredFrom` are in `unacknowledged`; those at or below must be read from the store. */
  coveredFrom: number;
  unacknowledged: UnacknowledgedEntry[] | null;
  /** Client ids whose commit is under way, with their sequence. */
  uncommittedIds: Map<number, number> | null;
  devices: Device[];
  /** Devices registered for notifications; -1: not known yet. */
  pushDevices: number;
  /** When the user's sends so far would be paid for at the lasting rate, ms since the epoch (`send-limit.ts`). */
  sendsDue: number;
  /** The user's role in groups that he wrote to or that changed (0: none any more); null until the first question. */
  roles: Map<string, number> | null;
  /** Housekeeping round in which the user was last touched. */
  touched: number;
}

export interface UnacknowledgedEntry {
  seq: number;
  sender: string;
  senderSeq: number;
}

/** More than this is not kept in memory but read from the store when the acknowledgement comes. */
export const UNACKNOWLEDGED_MOST = 1_024;

export function newUserState(name: string, shard: number, head: UserHead): UserState {
  return {
    name,
    shard,
    head: head.seq,
    committed: head.seq,
    highestClientId: head.highestClientId,
    trimmed: head.trimmed,
    clientIdFloor: head.clientIdFloor,
    acknowledged: head.acknowledged,
    acknowledgedTarget: head.acknowledged,
    settling: false,
    coveredFrom: head.seq,
    unacknowledged: null,
    uncommittedIds: null,
    devices: [],
    pushDevices: -1,
    sendsDue: 0,
    roles: null,
    touched: 0,
  };
}
