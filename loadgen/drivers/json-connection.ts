/** One user's connection to a chat server that is described (json-websocket-config.ts). */
import { type Dialect, DialectError, type Meaning } from './json-dialect.ts';
import type { Values } from './json-template.ts';
import type { Description } from './json-websocket-config.ts';
import { type ConnectOptions, type DriverConnection, DriverError, type DriverEvents } from './target-driver.ts';
import { UnsettledSends } from './unsettled-sends.ts';
import type { WebSocketConnection } from './websocket-client.ts';

/** The driver, as its connections see it. */
export interface JsonConnectionOwner<Context> {
  readonly events: DriverEvents<Context>;
  readonly description: Description;
  readonly dialect: Dialect;
  /** What placeholders stand for while connecting. */
  valuesOf(options: ConnectOptions<Context>): Values;
  /** Start a WebSocket; `elsewhere`: the server that was named in a redirect. Throws a DriverError. */
  dial(
    connection: JsonConnection<Context>,
    values: Values,
    resuming: boolean,
    elsewhere: string | undefined,
    timeoutMs: number,
  ): WebSocketConnection<JsonConnection<Context>>;
  /** The user can send and receive. */
  opened(connection: JsonConnection<Context>): void;
  ended(connection: JsonConnection<Context>): void;
  /** A frame of the server is not what the description says. */
  misread(why: string): void;
  /** Have `connection.acknowledge` called within so many ms. */
  acknowledgeLater(connection: JsonConnection<Context>, withinMs: number): void;
}

/** One user's connection to a described server. */
export class JsonConnection<Context> implements DriverConnection<Context> {
  readonly user: string;
  context: Context;
  position: number;
  readonly #owner: JsonConnectionOwner<Context>;
  readonly #values: Values;
  readonly #resuming: boolean;
  #ws: WebSocketConnection<JsonConnection<Context>> | undefined;
  #connecting: Connecting | undefined;
  #unsettled: UnsettledSends | undefined;
  #lastFrom = '';
  #owes = false;
  #silent = false;

  constructor(owner: JsonConnectionOwner<Context>, options: ConnectOptions<Context>) {
    this.#owner = owner;
    this.#values = owner.valuesOf(options);
    this.#resuming = options.after !== undefined;
    this.user = options.user;
    this.context = options.context;
    this.position = options.after ?? 0;
  }

  /** Connect; resolves with undefined when the user can send, or with the address of a redirect. Rejects with a DriverError. */
  connecting(elsewhere: string | undefined, deadline: number): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.#connecting = { resolve, reject, deadline };
      const timeoutMs = Math.max(0, deadline - performance.now());
      this.#ws = this.#owner.dial(this, this.#values, this.#resuming, elsewhere, timeoutMs);
    });
  }

  send(to: string, id: number, body: Uint8Array): void {
    if (this.#silent || !this.#ws!.isOpen) return;
    const { delivered } = this.#owner.description;
    if (delivered && 'upTo' in delivered) {
      this.#unsettled ??= new UnsettledSends();
      this.#unsettled.add(id, to);
    }
    this.#say(this.#owner.dialect.send(to, id, body, this.user));
  }

  close(orderly: boolean): void {
    if (orderly) this.acknowledge();
    this.#end();
    if (orderly) this.#ws!.close();
    else this.#ws!.destroy();
  }

  /** Say what was received, if that is owed. */
  acknowledge(): void {
    if (!this.#owes) return;
    this.#owes = false;
    if (!this.#silent) this.#say(this.#owner.dialect.acknowledge(this.position, this.#lastFrom, this.user));
  }

  keepAlive(): void {
    this.#say(this.#owner.dialect.keepAlive(this.user));
  }

  handleOpen(): void {
    const { dialect } = this.#owner;
    const login = dialect.login(this.#values, this.#resuming);
    if (login !== undefined) this.#say(login);
    if (dialect.welcomes) this.#ws!.expectWithin(Math.max(0, (this.#connecting?.deadline ?? 0) - performance.now()));
    else this.#welcomed();
  }

  handleMessage(data: Buffer, binary: boolean): void {
    // What is no JSON text is nothing that a description could speak of.
    if (binary || this.#silent) return;
    try {
      const meaning = this.#owner.dialect.read(parse(data), this.user);
      if (meaning !== undefined) this.#heard(meaning);
    } catch (error) {
      if (!(error instanceof DialectError)) throw error;
      this.#ws!.destroy();
      this.#owner.misread(error.message);
      this.#ended(1002, `the description does not fit the server: ${error.message}`, true);
    }
  }

  handleClosed(code: number, reason: string, error: DriverError | undefined): void {
    this.#ended(code, error?.message ?? reason, this.#owner.description.finalCloses.includes(code), error);
  }

  #say(text: string): void {
    this.#ws!.send(Buffer.from(text), false);
  }

  #heard(meaning: Meaning): void {
    const { events } = this.#owner;
    if (meaning.type === 'received') {
      this.#received(meaning.position, meaning.from);
      events.received(this, meaning.from, meaning.body);
    } else if (meaning.type === 'acknowledged') this.#acknowledged(meaning.id, meaning.sequence ?? 0);
    else if (meaning.type === 'delivered') events.delivered(this, meaning.id);
    else if (meaning.type === 'delivered up to') this.#deliveredUpTo(meaning.peer, meaning.upTo);
    else if (meaning.type === 'failed') {
      this.#unsettled?.failed(meaning.id);
      this.#forgetSettled();
      events.sendFailed(this, meaning.id, meaning.reason, meaning.retryable, meaning.retryAfterMs);
    } else if (meaning.type === 'question') this.#say(meaning.answer);
    else if (meaning.type === 'welcome') this.#welcomed();
    else if (meaning.type === 'refused') this.#refused(meaning.reason, meaning.final);
    else this.#redirected(meaning.url);
  }

  #acknowledged(id: number, sequence: number): void {
    const delivered = this.#unsettled?.acknowledged(id, sequence) === 'delivered';
    this.#owner.events.sent(this, id);
    if (delivered && !this.#silent) this.#owner.events.delivered(this, id);
    this.#forgetSettled();
  }

  #deliveredUpTo(peer: string, upTo: number): void {
    const ids = this.#unsettled?.delivered(peer, upTo) ?? [];
    for (const id of ids) if (!this.#silent) this.#owner.events.delivered(this, id);
    this.#forgetSettled();
  }

  #received(position: number | undefined, from: string): void {
    if (position !== undefined && position > this.position) this.position = position;
    const { acknowledge } = this.#owner.description;
    if (acknowledge === undefined) return;
    this.#lastFrom = from;
    const owed = this.#owes;
    this.#owes = true;
    if (acknowledge.every === undefined) this.acknowledge();
    else if (!owed) this.#owner.acknowledgeLater(this, acknowledge.every);
  }

  #welcomed(): void {
    if (this.#connecting === undefined) return;
    const { resolve } = this.#connecting;
    this.#connecting = undefined;
    this.#ws!.expectWithin(undefined);
    this.#owner.opened(this);
    resolve(undefined);
  }

  #refused(reason: string, final: boolean): void {
    if (this.#connecting === undefined) return; // the close that follows says the rest
    const { reject } = this.#connecting;
    this.#connecting = undefined;
    this.#end();
    this.#ws!.destroy();
    reject(new DriverError('server', `the server refused user "${this.user}": ${reason}`, { final }));
  }

  #redirected(url: string): void {
    if (this.#connecting === undefined) return;
    const { resolve } = this.#connecting;
    this.#connecting = undefined;
    this.#end();
    this.#ws!.close();
    resolve(url);
  }

  #forgetSettled(): void {
    if (this.#unsettled?.size === 0) this.#unsettled = undefined;
  }

  #end(): void {
    this.#silent = true;
    this.#owner.ended(this);
  }

  #ended(code: number, reason: string, final: boolean, error?: DriverError): void {
    if (this.#connecting !== undefined) {
      const text = `the server closed the connection before the welcome: ${code} ${reason}`.trimEnd();
      const { reject } = this.#connecting;
      this.#connecting = undefined;
      this.#end();
      reject(error ?? new DriverError('server', text, { final }));
    } else if (!this.#silent) {
      this.#end();
      this.#owner.events.closed(this, code, reason, !final);
    }
  }
}

interface Connecting {
  resolve: (redirect: string | undefined) => void;
  reject: (error: unknown) => void;
  /** `performance.now()` by which the welcome must be there. */
  deadline: number;
}

function parse(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString());
  } catch {
    return undefined;
  }
}
