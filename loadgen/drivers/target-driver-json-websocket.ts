/** A driver for chat servers that speak JSON over a WebSocket, by a description of theirs (json-websocket-config.ts). */
import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import { JsonConnection, type JsonConnectionOwner } from './json-connection.ts';
import { createDialect, type Dialect } from './json-dialect.ts';
import type { Values } from './json-template.ts';
import type { Description } from './json-websocket-config.ts';
import {
  type ConnectOptions,
  type CreateDriver,
  type DriverConnection,
  DriverError,
  type DriverEvents,
  type DriverOptions,
  type TargetDriver,
} from './target-driver.ts';
import { tokenSigner } from './tokens.ts';
import { WebSocketClient, type WebSocketConnection } from './websocket-client.ts';
import { xorshift32 } from './xorshift.ts';

/** The driver of the server that `description` describes. */
export function jsonWebSocketDriver(description: Description): CreateDriver {
  return (options, events) => new JsonDriver(description, options, events);
}

const PROBE_TIMEOUT_MS = 5_000;

class JsonDriver<Context> implements TargetDriver<Context>, JsonConnectionOwner<Context> {
  readonly name = 'json-websocket';
  readonly capabilities: TargetDriver['capabilities'];
  readonly events: DriverEvents<Context>;
  readonly description: Description;
  readonly dialect: Dialect;
  readonly #target: string;
  readonly #client: WebSocketClient<JsonConnection<Context>>;
  readonly #sign: ((user: string) => string) | undefined;
  readonly #open = new Set<JsonConnection<Context>>();
  #owing: JsonConnection<Context>[] = [];
  #acknowledging: NodeJS.Timeout | undefined;
  #keepingAlive: NodeJS.Timeout | undefined;
  /** The first frame that was not as described. */
  #misread: string | undefined;

  constructor(description: Description, { target, authSecret }: DriverOptions, events: DriverEvents<Context>) {
    this.description = description;
    this.dialect = createDialect(description);
    this.events = events;
    this.capabilities = {
      resume: description.resume !== undefined,
      acknowledges: description.acknowledged !== undefined,
      receipts: description.delivered !== undefined,
      idempotent: description.idempotent,
    };
    this.#target = target.replace(/\/$/, '');
    this.#sign = tokenSigner(authSecret);
    this.#client = new WebSocketClient(
      {
        open: (ws) => ws.context.handleOpen(),
        message: (ws, data, binary) => ws.context.handleMessage(data, binary),
        closed: (ws, code, reason, error) => ws.context.handleClosed(code, reason, error),
      },
      { nextMask: xorshift32(randomInt(1, 2 ** 32)) },
    );
  }

  async prepare(): Promise<void> {
    await probe(endpointOf(this.dialect.url({ target: this.#target }, false)));
    const { keepAlive } = this.description;
    if (keepAlive) {
      this.#keepingAlive ??= setInterval(() => {
        for (const connection of this.#open) connection.keepAlive();
      }, keepAlive.every);
    }
  }

  async connect(options: ConnectOptions<Context>): Promise<DriverConnection<Context>> {
    const deadline = performance.now() + options.timeoutMs;
    const first = new JsonConnection(this, options);
    const url = await first.connecting(undefined, deadline);
    if (url === undefined) return first;
    const second = new JsonConnection(this, options);
    const again = await second.connecting(url, deadline);
    if (again !== undefined)
      throw new DriverError('server', `user "${options.user}" was redirected twice, at last to ${again}`);
    return second;
  }

  flush(): void {
    const owing = this.#owing;
    this.#owing = [];
    for (const connection of owing) connection.acknowledge();
  }

  async close(): Promise<void> {
    this.flush();
    clearInterval(this.#acknowledging);
    clearInterval(this.#keepingAlive);
    await this.#client.close(1000);
  }

  dial(
    connection: JsonConnection<Context>,
    values: Values,
    resuming: boolean,
    elsewhere: string | undefined,
    timeoutMs: number,
  ): WebSocketConnection<JsonConnection<Context>> {
    const { host, port, path } = endpointOf(this.dialect.url(values, resuming));
    const server = elsewhere === undefined ? { host, port } : endpointOf(elsewhere);
    const { subprotocol } = this.description;
    const request = { host: server.host, port: server.port, path, headers: this.dialect.headers(values), timeoutMs };
    return this.#client.connect(
      subprotocol === undefined ? request : { ...request, protocol: subprotocol },
      connection,
    );
  }

  valuesOf({ user, device, after }: ConnectOptions<Context>): Values {
    return { target: this.#target, user, device, token: this.#sign?.(user) ?? '', position: after ?? 0 };
  }

  opened(connection: JsonConnection<Context>): void {
    if (this.description.keepAlive) this.#open.add(connection);
  }

  ended(connection: JsonConnection<Context>): void {
    this.#open.delete(connection);
  }

  misread(why: string): void {
    this.#misread ??= why;
  }

  problems(): string[] {
    return this.#misread === undefined ? [] : [`the description does not fit the server: ${this.#misread}`];
  }

  acknowledgeLater(connection: JsonConnection<Context>, withinMs: number): void {
    this.#owing.push(connection);
    this.#acknowledging ??= setInterval(() => {
      if (this.#owing.length > 0) return this.flush();
      clearInterval(this.#acknowledging);
      this.#acknowledging = undefined;
    }, withinMs);
  }
}

/** Parts of a `ws://` address. Throws a DriverError. */
function endpointOf(text: string): { host: string; port: number; path: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'ws:')
    throw new DriverError('server', `"${text}" is not an address like ws://host:port`, { final: true });
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port || 80),
    path: url.pathname + url.search,
  };
}

/** Whether somebody answers there at all. A WebSocket of nobody in particular might well be refused. */
function probe({ host, port }: { host: string; port: number }): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port, timeout: PROBE_TIMEOUT_MS });
    const fail = (why: string): void => {
      socket.destroy();
      reject(new DriverError('server', `the target does not answer at ${host}:${port}: ${why}`));
    };
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('timeout', () => fail(`nothing for ${PROBE_TIMEOUT_MS / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  });
}
