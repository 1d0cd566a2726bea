/** One simulated user's device: its connection, what it has sent and not yet seen through, its place in the population. Small. */
import type { DriverConnection } from '../drivers/target-driver.ts';

export interface VirtualUser {
  /** In the population. */
  readonly index: number;
  readonly name: string;
  /** 0: the first device, which sends; others receive only. */
  readonly device: number;
  /** The other devices of a first one. */
  readonly others: readonly VirtualUser[];
  connection: DriverConnection<VirtualUser> | null;
  /** Position up to which everything was received, kept over reconnects. */
  position: number | undefined;
  /** Meant to be connected now. */
  online: boolean;
  /** Clock ms since when, by plan: what was intended earlier was for somebody offline. */
  onlineSinceMs: number;
  /** Place in the list of those who are meant to be online, or in that of the others. */
  place: number;
  /** Sent and not finished (receipt, or acknowledgement where there are no receipts), oldest first. */
  outstanding: OutstandingMessage[];
  reconnecting: boolean;
  /** The server asked to repeat later: what comes meanwhile waits behind, so that the order stays. */
  held: boolean;
  heldUntilMs: number;
  /** Clock ms when the reconnect began that has not caught up yet; undefined: none. */
  resumingSinceMs: number | undefined;
}

export interface OutstandingMessage {
  /** Client message id. */
  id: number;
  /** Index of its stream in the plan. */
  stream: number;
  /** Number within the (sender, recipient) stream of the ledger. */
  number: number;
  /** User index, or the code of a group. */
  recipient: number;
  /** Body size. */
  bytes: number;
  /** Clock ms. */
  intendedMs: number;
  /** Clock ms of the first actual send; 0: not handed to a socket yet. */
  actualMs: number;
  acknowledged: boolean;
  /** The server said that the recipient was not connected. */
  stored: boolean;
}

export function newVirtualUser(
  index: number,
  name: string,
  device = 0,
  others: readonly VirtualUser[] = NO_OTHERS,
): VirtualUser {
  return {
    index,
    name,
    device,
    others,
    connection: null,
    position: undefined,
    online: true,
    onlineSinceMs: Number.NEGATIVE_INFINITY,
    place: 0,
    outstanding: [],
    reconnecting: false,
    held: false,
    heldUntilMs: 0,
    resumingSinceMs: undefined,
  };
}

const NO_OTHERS: readonly VirtualUser[] = [];

/** The outstanding message with this id. There may be many, where receipts wait for somebody offline; ids increase. */
export function findOutstanding({ outstanding }: VirtualUser, id: number): OutstandingMessage | undefined {
  return outstanding[placeOf(outstanding, id)];
}

/** Forget a message that is finished. Returns whether it was not forgotten before. */
export function settleOutstanding({ outstanding }: VirtualUser, { id }: OutstandingMessage): boolean {
  const at = placeOf(outstanding, id);
  if (at === 0) outstanding.shift();
  else if (at > 0) outstanding.splice(at, 1);
  return at >= 0;
}

/** Messages that the server may not have yet; counted up to `most`. */
export function countUnacknowledged({ outstanding }: VirtualUser, most: number): number {
  let count = 0;
  // The newest are the ones.
  for (let i = outstanding.length - 1; i >= 0 && count < most; i--) if (!outstanding[i]!.acknowledged) count++;
  return count;
}

/** −1: there is none. */
function placeOf(outstanding: readonly OutstandingMessage[], id: number): number {
  let from = 0;
  let end = outstanding.length;
  while (from < end) {
    const middle = (from + end) >>> 1;
    if (outstanding[middle]!.id < id) from = middle + 1;
    else end = middle;
  }
  return outstanding[from]?.id === id ? from : -1;
}
