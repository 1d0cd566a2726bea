/** One simulated user: its connection, what it has sent and not yet seen through, its place in the population. Small. */
import type { DriverConnection } from '../drivers/target-driver.ts';

export interface VirtualUser {
  readonly index: number;
  readonly name: string;
  connection: DriverConnection<VirtualUser> | null;
  /** Position up to which everything was received, kept over reconnects. */
  position: number | undefined;
  /** Sent and not finished (receipt, or acknowledgement where there are no receipts), oldest first. */
  outstanding: OutstandingMessage[];
  reconnecting: boolean;
  /** The server asked to repeat later: what comes meanwhile waits behind, so that the order stays. */
  held: boolean;
  heldUntilMs: number;
}

export interface OutstandingMessage {
  /** Client message id. */
  id: number;
  /** Number within the (sender, recipient) stream. */
  number: number;
  recipient: number;
  /** Clock ms. */
  intendedMs: number;
  /** Clock ms of the first actual send; 0: not handed to a socket yet. */
  actualMs: number;
  acknowledged: boolean;
}

export function newVirtualUser(index: number, name: string): VirtualUser {
  return {
    index,
    name,
    connection: null,
    position: undefined,
    outstanding: [],
    reconnecting: false,
    held: false,
    heldUntilMs: 0,
  };
}

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
