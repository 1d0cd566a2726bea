/** The driver of the reference protocol (server/protocol/PROTOCOL.md), binary, over the lean WebSocket client. */
import { randomInt } from 'node:crypto';
import { BINARY_SUBPROTOCOL } from '../../server/protocol/messages.ts';
import { AckWheel } from './ack-wheel.ts';
import { LostReceipts } from './lost-receipts.ts';
import { ReferenceConnection } from './reference-connection.ts';
import { ReferenceGroups } from './reference-groups.ts';
import type { ReferenceHost } from './reference-host.ts';
import { ShardDirectory } from './shard-directory.ts';
import {
  type ConnectOptions,
  type DriverConnection,
  DriverError,
  type DriverEvents,
  type DriverOptions,
  type TargetDriver,
} from './target-driver.ts';
import { tokenSigner } from './tokens.ts';
import { WebSocketClient, type WebSocketConnection } from './websocket-client.ts';
import { xorshift32 } from './xorshift.ts';

export function createReferenceDriver<Context>(
  options: DriverOptions,
  events: DriverEvents<Context>,
): TargetDriver<Context> {
  return new ReferenceDriver(options, events);
}

/** The table of owners is asked for again at most this often, after a connect failed. */
const REFRESH_INTERVAL_MS = 1000;

class ReferenceDriver<Context> implements TargetDriver<Context>, ReferenceHost<Context> {
  readonly name = 'reference';
  readonly capabilities = {
    resume: true,
    acknowledges: true,
    receipts: true,
    idempotent: true,
    groups: true,
    presence: true,
  };
  readonly events: DriverEvents<Context>;
  readonly directory: ShardDirectory;
  readonly groups = new ReferenceGroups();
  readonly lostReceipts = new LostReceipts();
  readonly client: WebSocketClient<ReferenceConnection<Context>>;
  readonly #sign: ((user: string) => string) | undefined;
  /** Connections that owe an acknowledgement. */
  readonly #owing = new AckWheel<ReferenceConnection<Context>>();
  /** `performance.now()` of the last look at the table of owners. */
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #stale = true;

  constructor(options: DriverOptions, events: DriverEvents<Context>) {
    this.events = events;
    this.directory = new ShardDirectory(options.target);
    this.#sign = tokenSigner(options.authSecret);
    this.client = new WebSocketClient(
      {
        open: (ws) => ws.context.handleOpen(),
        message: (ws, data, binary) => ws.context.handleMessage(data, binary),
        closed: (ws, code, reason, error) => ws.context.handleClosed(code, reason, error),
      },
      { nextMask: xorshift32(randomInt(1, 2 ** 32)) },
    );
  }

  async prepare(): Promise<void> {
    await this.directory.refresh();
    this.#stale = false;
    this.#refreshedAt = performance.now();
  }

  async connect(options: ConnectOptions<Context>): Promise<DriverConnection<Context>> {
    if (this.#stale && performance.now() - this.#refreshedAt >= REFRESH_INTERVAL_MS) await this.#askAgain(options.user);
    const deadline = performance.now() + options.timeoutMs;
    try {
      return await this.#connectOrFollow(options, deadline);
    } catch (error) {
      if (error instanceof DriverError && error.side === 'server') this.#stale = true;
      throw error;
    }
  }

  flush(): void {
    this.#owing.flush();
  }

  async close(): Promise<void> {
    this.flush();
    this.#owing.stop();
    await this.client.close(1000);
  }

  dial(
    connection: ReferenceConnection<Context>,
    options: ConnectOptions<Context>,
    timeoutMs: number,
  ): WebSocketConnection<ReferenceConnection<Context>> {
    const { user, device, after } = options;
    const endpoint = this.directory.endpoint(user);
    if (endpoint === undefined) throw new DriverError('server', `no server holds the shard of user "${user}" now`);
    let path = `/v1/connect?user=${encodeURIComponent(user)}&device=${encodeURIComponent(device)}`;
    if (after !== undefined) path += `&after=${after}`;
    const headers = this.#sign === undefined ? undefined : { Authorization: `Bearer ${this.#sign(user)}` };
    const request = { ...endpoint, path, protocol: BINARY_SUBPROTOCOL, timeoutMs };
    return this.client.connect(headers === undefined ? request : { ...request, headers }, connection);
  }

  acknowledgeSoon(connection: ReferenceConnection<Context>): void {
    this.#owing.soon(connection);
  }

  /** Without an answer from the router the owner that is known may still be there. */
  async #askAgain(user: string): Promise<void> {
    try {
      await this.prepare();
    } catch (error) {
      if (this.directory.endpoint(user) === undefined) throw error;
      this.#refreshedAt = performance.now();
    }
  }

  async #connectOrFollow(options: ConnectOptions<Context>, deadline: number): Promise<DriverConnection<Context>> {
    const first = new ReferenceConnection(this, options);
    if ((await first.connecting(options, deadline)) === undefined) return first;
    const second = new ReferenceConnection(this, options);
    const url = await second.connecting(options, deadline);
    if (url !== undefined)
      throw new DriverError('server', `user "${options.user}" was redirected twice, at last to ${url}`);
    return second;
  }
}
