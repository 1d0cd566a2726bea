/**
 * The driver of the reference server over HTTP long polling (PROTOCOL.md, HTTP): what a client does that can't hold a
 * WebSocket. A user has one poll held at a time, and one send under way: sends of the same user that are under way together
 * have no order, so they wait for each other. That wait is part of what polling costs, and of the latency that is measured.
 */
import { LostReceipts } from './lost-receipts.ts';
import { type HttpAnswer, PollClient } from './poll-client.ts';
import { PollConnection, type PollConnectionOwner } from './poll-connection.ts';
import type { AskHolder } from './poll-requests.ts';
import { type Endpoint, ShardDirectory } from './shard-directory.ts';
import {
  type ConnectOptions,
  type DriverConnection,
  DriverError,
  type DriverEvents,
  type DriverOptions,
  type TargetDriver,
} from './target-driver.ts';
import { tokenSigner } from './tokens.ts';

export function createLongPollDriver<Context>(
  options: DriverOptions,
  events: DriverEvents<Context>,
): TargetDriver<Context> {
  return new LongPollDriver(options, events);
}

/** Sends of all users share so many sockets to each process; each is over within milliseconds. */
const SEND_SOCKETS = 64;
const REFRESH_INTERVAL_MS = 1000;
const REQUEST_TIMEOUT_MS = 10_000;
/** For the last acknowledgements of connections that were closed in order. */
const PARTING_MS = 1000;

class LongPollDriver<Context> implements TargetDriver<Context>, PollConnectionOwner<Context> {
  readonly name = 'long-poll';
  readonly capabilities = { resume: true, acknowledges: true, receipts: true, idempotent: true, groups: true };
  readonly events: DriverEvents<Context>;
  readonly polls = new PollClient();
  readonly sends = new PollClient(SEND_SOCKETS);
  readonly lostReceipts = new LostReceipts();
  readonly #directory: ShardDirectory;
  readonly #sign: ((user: string) => string) | undefined;
  readonly #open = new Set<PollConnection<Context>>();
  readonly #parting = new Set<Promise<void>>();
  /** `performance.now()` of the last look at the table of owners. */
  #refreshedAt = Number.NEGATIVE_INFINITY;
  #stale = true;

  constructor({ target, authSecret }: DriverOptions, events: DriverEvents<Context>) {
    this.events = events;
    this.#directory = new ShardDirectory(target);
    this.#sign = tokenSigner(authSecret);
  }

  async prepare(): Promise<void> {
    await this.#directory.refresh();
    this.#stale = false;
    this.#refreshedAt = performance.now();
  }

  async connect(options: ConnectOptions<Context>): Promise<DriverConnection<Context>> {
    if (this.#stale && performance.now() - this.#refreshedAt >= REFRESH_INTERVAL_MS) await this.prepare();
    const connection = new PollConnection<Context>(this, options);
    try {
      await connection.begin(options.timeoutMs);
    } catch (error) {
      this.#stale = true;
      throw error;
    }
    this.#open.add(connection);
    return connection;
  }

  /** Acknowledgements leave with the next poll, which follows at once. */
  flush(): void {}

  async close(): Promise<void> {
    for (const connection of this.#open) connection.close(true);
    const late = new Promise<void>((resolve) => setTimeout(resolve, PARTING_MS).unref());
    await Promise.race([Promise.all(this.#parting), late]);
    this.polls.close();
    this.sends.close();
  }

  endpoint(user: string): Endpoint {
    const endpoint = this.#directory.endpoint(user);
    if (endpoint === undefined) throw new DriverError('server', `no server holds the shard of user "${user}" now`);
    return endpoint;
  }

  asking(user: string): AskHolder {
    const ask: AskHolder = (holder, question) =>
      new Promise<HttpAnswer>((resolve, reject) => {
        const { port, host } = this.endpoint(holder);
        const token = this.token(user);
        this.sends.ask({ ...question, host, port, token, timeoutMs: REQUEST_TIMEOUT_MS }, resolve, reject);
      });
    return async (holder, question) => {
      const answer = await ask(holder, question);
      if (answer.status !== 421) return answer;
      await this.redirect(holder, String(answer.body.url));
      return ask(holder, question);
    };
  }

  token(user: string): string | undefined {
    return this.#sign?.(user);
  }

  redirect(user: string, url: string): Promise<void> {
    return this.#directory.redirect(user, url);
  }

  ended(connection: PollConnection<Context>, parting?: Promise<void>): void {
    this.#open.delete(connection);
    this.#stale ||= parting === undefined;
    if (parting === undefined) return;
    this.#parting.add(parting);
    void parting.finally(() => this.#parting.delete(parting));
  }
}
