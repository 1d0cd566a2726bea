/** Decoded frames of a connection, on their way to the messenger: counted against the connection's budget, or their user's rate. */
import type { ClientFrames } from '../protocol/codec.ts';
import type { GroupAction, PresenceAction } from '../protocol/messages.ts';
import type { Connection } from './connection.ts';

/** In units of FRAME_BUDGET; each named user is one more. */
const COST = { useless: 1, status: 1, presence: 1, group: 10 };

/** Where decoded frames of a connection go. One object for the process: decoding is synchronous. */
export class ConnectionFrames implements ClientFrames {
  connection!: Connection;

  send(id: number, to: string, body: Buffer): void {
    if (this.connection.closed) return;
    this.connection.volume.sending.send(this.connection, id, to, body);
  }

  ack(seq: number): void {
    const { connection } = this;
    // One that says something new is paid for by the entry it is for.
    if (seq > connection.acknowledged && seq <= connection.pushed) connection.acknowledged = seq;
    else if (!connection.spend(COST.useless)) return;
    this.connection.volume.receipts.acknowledge(this.connection.user, seq);
  }

  status(peers: string[]): void {
    if (!this.connection.spend(COST.status + peers.length)) return;
    this.connection.volume.receipts.status(this.connection, peers);
  }

  sendGroup(id: number, group: string, body: Buffer): void {
    if (this.connection.closed) return;
    this.connection.volume.sending.sendGroup(this.connection, id, group, body);
  }

  group(id: number, action: GroupAction, group: string, open: boolean, users: string[]): void {
    if (!this.connection.spend(COST.group + users.length)) return;
    this.connection.volume.groups.request(this.connection, { type: 'group', id, action, group, open, users });
  }

  presence(action: PresenceAction, users: string[]): void {
    if (!this.connection.spend(COST.presence + users.length)) return;
    this.connection.volume.presence.request(this.connection, action, users);
  }
}
