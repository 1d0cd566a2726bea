/** One user who polls: a poll is always held, sends go one after another. */
import { CLOSES } from '../../server/protocol/errors.ts';
import type { LostReceipts } from './lost-receipts.ts';
import { type PollFrame, refusal } from './poll-answers.ts';
import type { Asking, HttpAnswer, HttpQuestion, PollClient } from './poll-client.ts';
import { type AskHolder, askReceipts, createGroup } from './poll-requests.ts';
import { PollSends, type PollSendsOwner } from './poll-sends.ts';
import { ADVICE } from './reference-codes.ts';
import type { Endpoint } from './shard-directory.ts';
import type { ConnectOptions, DriverConnection, DriverError, DriverEvents, ReconnectAdvice } from './target-driver.ts';
import type { UnsettledSends } from './unsettled-sends.ts';

/** The driver, as its connections see it. */
export interface PollConnectionOwner<Context> {
  readonly events: DriverEvents<Context>;
  readonly polls: PollClient;
  readonly sends: PollClient;
  readonly lostReceipts: LostReceipts;
  /** As `user`. */
  asking(user: string): AskHolder;
  /** Throws a DriverError while nobody has the user. */
  endpoint(user: string): Endpoint;
  token(user: string): string | undefined;
  /** A server said that the user lives at `url`. */
  redirect(user: string, url: string): Promise<void>;
  /** `parting`: settles when its last acknowledgement is through; left out: it was lost. */
  ended(connection: PollConnection<Context>, parting?: Promise<void>): void;
}

/** How long the server is asked to hold a poll, and how long an answer may take beyond that. */
const HOLD_MS = 25_000;
const GRACE_MS = 10_000;
const SEND_TIMEOUT_MS = 40_000;
const MOST_REDIRECTS = 2;

export class PollConnection<Context> implements DriverConnection<Context>, PollSendsOwner {
  readonly user: string;
  context: Context;
  position = 0;
  head = 0;
  readonly #owner: PollConnectionOwner<Context>;
  readonly device: string;
  readonly #after: number | undefined;
  /** Up to here the server knows that everything arrived. */
  #acknowledged = 0;
  #poll: Asking | undefined;
  readonly #sends = new PollSends(this);
  #redirects = 0;
  #silent = false;

  constructor(owner: PollConnectionOwner<Context>, { user, device, context, after }: ConnectOptions<Context>) {
    this.#owner = owner;
    this.user = user;
    this.context = context;
    this.device = device;
    this.#after = after;
  }

  /** The first poll, which does not wait: from then on the device counts as connected. Rejects with a DriverError. */
  begin(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: DriverError): void => {
        this.#silent = true;
        reject(error);
      };
      const answered = ({ status, body }: HttpAnswer): void => {
        if (status === 421 && this.#redirects < MOST_REDIRECTS) this.#follow(body, ask, fail);
        else if (status !== 200) fail(refusal(status, body));
        else {
          this.head = Number(body.head);
          const unsettled = this.#owner.lostReceipts.take(this);
          if (unsettled !== undefined) {
            this.#sends.restore(unsettled);
            this.#askForReceipts(unsettled.peersOf());
          }
          this.#take(body);
          if (!this.#silent) this.#hold();
          resolve();
        }
      };
      const ask = (): void => {
        this.#poll = this.#owner.polls.ask(this.#question(this.#after, 0, timeoutMs), answered, fail);
      };
      ask();
    });
  }

  send(to: string, id: number, body: Uint8Array): void {
    if (!this.#silent) this.#sends.add('to', to, id, body);
  }

  sendGroup(group: string, id: number, body: Uint8Array): void {
    if (!this.#silent) this.#sends.add('group', group, id, body);
  }

  createGroup(group: string, members: readonly string[]): Promise<void> {
    return createGroup(this.#owner.asking(this.user), this.user, group, members);
  }

  close(orderly: boolean): void {
    if (this.#silent) return;
    const unsettled = this.#end();
    if (!orderly && unsettled !== undefined) this.#owner.lostReceipts.keep(this, unsettled);
    const parting = orderly && this.position > this.#acknowledged ? this.#part() : Promise.resolve();
    this.#owner.ended(this, parting);
  }

  post(body: string, answered: (answer: HttpAnswer) => void): Asking {
    const { host, port } = this.#owner.endpoint(this.user);
    const question: HttpQuestion = {
      method: 'POST',
      // Sends share sockets: the addresses over which polls spread would only make more of them.
      host: host.startsWith('127.') ? '127.0.0.1' : host,
      port,
      path: `/v1/messages?user=${encodeURIComponent(this.user)}`,
      token: this.#owner.token(this.user),
      body,
      timeoutMs: SEND_TIMEOUT_MS,
    };
    return this.#owner.sends.ask(question, answered, (error) => this.lost(error));
  }

  handle({ status, body }: HttpAnswer, goOn: () => void): void {
    if (status === 421) this.#followOrLose(body, goOn);
    else this.#refused(status, body);
  }

  sent(id: number): void {
    if (!this.#silent) this.#owner.events.sent(this, id);
  }

  failed(id: number, reason: string, retryable: boolean, retryAfterMs: number): void {
    if (!this.#silent) this.#owner.events.sendFailed(this, id, reason, retryable, retryAfterMs);
  }

  waiting(seq: number, peers: string[]): void {
    // The answer to a repeat: what was stored before this connection began may have had its receipt before, too.
    if (seq <= this.head) this.#askForReceipts(peers);
  }

  delivered(id: number): void {
    if (!this.#silent) this.#owner.events.delivered(this, id);
  }

  stored(id: number): void {
    if (!this.#silent) this.#owner.events.stored?.(this, id);
  }

  lost(error: Error): void {
    this.#lost(1006, error.message);
  }

  #hold(): void {
    const { polls } = this.#owner;
    try {
      const question = this.#question(this.position, HOLD_MS, HOLD_MS + GRACE_MS);
      this.#acknowledged = this.position;
      this.#poll = polls.ask(
        question,
        (answer) => this.#polled(answer),
        (error) => this.lost(error),
      );
    } catch (error) {
      this.lost(error as Error);
    }
  }

  #polled({ status, body }: HttpAnswer): void {
    if (this.#silent) return;
    if (status === 200) {
      this.#redirects = 0;
      this.#take(body);
      if (!this.#silent) this.#hold();
    } else this.handle({ status, body }, () => this.#hold());
  }

  #take(body: Record<string, unknown>): void {
    for (const frame of (body.frames as PollFrame[] | undefined) ?? []) {
      if (this.#silent) return;
      if (frame.type === 'message') this.#message(frame);
      else if (frame.type === 'receipt') this.#sends.receipt(frame.state, frame.peer, frame.upTo);
    }
    this.position = Number(body.after);
  }

  #message({ direction, peer, seq, group, body, bodyBase64 }: PollFrame): void {
    this.position = seq;
    if (direction !== 'in') return;
    const bytes = bodyBase64 === undefined ? Buffer.from(body ?? '') : Buffer.from(bodyBase64, 'base64');
    this.#owner.events.received(this, peer, bytes, group);
  }

  #followOrLose(body: Record<string, unknown>, goOn: () => void): void {
    const fail = (why: string): void => this.#lost(CLOSES.redirected.code, why);
    if (this.#redirects >= MOST_REDIRECTS) fail('sent from one server to another');
    else
      this.#follow(
        body,
        () => !this.#silent && goOn(),
        (error) => fail(error.message),
      );
  }

  #follow(body: Record<string, unknown>, goOn: () => void, fail: (error: DriverError) => void): void {
    this.#redirects++;
    this.#owner.redirect(this.user, String(body.url)).then(goOn).catch(fail);
  }

  #refused(status: number, body: Record<string, unknown>): void {
    const { message, final } = refusal(status, body);
    const code = Number(body.code ?? status);
    this.#lost(code, message, !final, ADVICE.get(code) ?? (status === 409 || status === 429 ? 'later' : 'resume'));
  }

  #lost(code: number, reason: string, resumable = true, advice: ReconnectAdvice = 'resume'): void {
    if (this.#silent) return;
    const unsettled = this.#end();
    if (unsettled !== undefined) this.#owner.lostReceipts.keep(this, unsettled);
    this.#owner.ended(this);
    this.#owner.events.closed(this, code, reason, resumable, advice);
  }

  #askForReceipts(peers: string[]): void {
    askReceipts(this.#owner.asking(this.user), this.user, peers)
      .then((receipts) => {
        for (const { state, peer, upTo } of receipts) this.#sends.receipt(state, peer, upTo);
      })
      .catch(() => {}); // they stay unknown; whatever kept the answer away ends the poll as well
  }

  /** Returns what was sent and not heard of. */
  #end(): UnsettledSends | undefined {
    this.#silent = true;
    this.#poll?.abort();
    return this.#sends.stop();
  }

  /** A last poll that does not wait, for what it acknowledges. */
  #part(): Promise<void> {
    return new Promise((settle) => {
      try {
        this.#owner.polls.ask(
          this.#question(this.position, 0, GRACE_MS),
          () => settle(),
          () => settle(),
        );
      } catch {
        settle(); // nobody there to hear of it
      }
    });
  }

  #question(after: number | undefined, holdMs: number, timeoutMs: number): HttpQuestion {
    const { user } = this;
    const query = `user=${encodeURIComponent(user)}&device=${encodeURIComponent(this.device)}&timeout=${holdMs}`;
    const path = `/v1/poll?${query}${after === undefined ? '' : `&after=${after}`}`;
    return { method: 'GET', ...this.#owner.endpoint(user), path, token: this.#owner.token(user), timeoutMs };
  }
}
