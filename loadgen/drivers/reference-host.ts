/** The reference driver, as its connections see it. */
import type { LostReceipts } from './lost-receipts.ts';
import type { ReferenceConnection } from './reference-connection.ts';
import type { ReferenceGroups } from './reference-groups.ts';
import type { ShardDirectory } from './shard-directory.ts';
import type { ConnectOptions, DriverEvents } from './target-driver.ts';
import type { WebSocketConnection } from './websocket-client.ts';

export interface ReferenceHost<Context> {
  readonly events: DriverEvents<Context>;
  readonly directory: ShardDirectory;
  readonly groups: ReferenceGroups;
  readonly lostReceipts: LostReceipts;
  /** Start a WebSocket for a connection that is being made. */
  dial(
    connection: ReferenceConnection<Context>,
    options: ConnectOptions<Context>,
    timeoutMs: number,
  ): WebSocketConnection<ReferenceConnection<Context>>;
  /** Have `connection` acknowledge within the interval. */
  acknowledgeSoon(connection: ReferenceConnection<Context>): void;
}
