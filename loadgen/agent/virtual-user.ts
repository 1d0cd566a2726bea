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

/** The outstanding message with this id, which is nearly always the first or one of the first. */
export function findOutstanding(user: VirtualUser, id: number): OutstandingMessage | undefined {
  const { outstanding } = user;
  for (let i = 0; i < outstanding.length; i++) if (outstanding[i]!.id === id) return outstanding[i];
  return undefined;
}

/** Forget a message that is finished. */
export function settleOutstanding(user: VirtualUser, message: OutstandingMessage): void {
  const { outstanding } = user;
  if (outstanding[0] === message) outstanding.shift();
  else {
    const at = outstanding.indexOf(message);
    if (at >= 0) outstanding.splice(at, 1);
  }
}
