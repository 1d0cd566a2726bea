/** One user who polls: a poll is always held, sends go one after another. */
import { CLOSES, ERRORS } from '../../server/protocol/errors.ts';
import type { Asking, HttpAnswer, HttpQuestion, PollClient } from './poll-client.ts';
import type { Endpoint } from './shard-directory.ts';
import {
  type ConnectOptions,
  type DriverConnection,
  DriverError,
  type DriverEvents,
  type ReconnectAdvice,
} from './target-driver.ts';
import { UnsettledSends } from './unsettled-sends.ts';

/** The driver, as its connections see it. */
export interface PollConnectionOwner<Context> {
  readonly events: DriverEvents<Context>;
  readonly polls: PollClient;
  readonly sends: PollClient;
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

/** Errors upon which the same send is repeated with the same id. The last two leave open whether it was stored, or will be. */
const RETRYABLE: ReadonlySet<number> = new Set([
  ERRORS.tryLater.code,
  ERRORS.draining.code,
  ERRORS.rateLimited.code,
  ERRORS.noAnswer.code,
  ERRORS.deadLetter.code,
]);
const ADVICE: ReadonlyMap<number, ReconnectAdvice | 'never'> = new Map(
  Object.values(CLOSES).map(({ code, reconnect }) => [code, reconnect]),
);

export class PollConnection<Context> implements DriverConnection<Context> {
  readonly user: string;
  context: Context;
  position = 0;
  head = 0;
  readonly #owner: PollConnectionOwner<Context>;
  readonly #device: string;
  readonly #after: number | undefined;
  /** Up to here the server knows that everything arrived. */
  #acknowledged = 0;
  #poll: Asking | undefined;
  #post: Asking | undefined;
  /** Sends that wait for the one under way, as JSON. */
  #waiting: Array<{ id: number; body: string }> = [];
  #unsettled: UnsettledSends | undefined;
  #redirects = 0;
  #silent = false;

  constructor(owner: PollConnectionOwner<Context>, { user, device, context, after }: ConnectOptions<Context>) {
    this.#owner = owner;
    this.user = user;
    this.context = context;
    this.#device = device;
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
    if (this.#silent) return;
    this.#unsettled ??= new UnsettledSends();
    this.#unsettled.add(id, to);
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64');
    this.#waiting.push({ id, body: `{"id":${id},"to":${JSON.stringify(to)},"bodyBase64":"${bytes}"}` });
    if (this.#post === undefined) this.#sendNext();
  }

  close(orderly: boolean): void {
    if (this.#silent) return;
    this.#end();
    const parting = orderly && this.position > this.#acknowledged ? this.#part() : Promise.resolve();
    this.#owner.ended(this, parting);
  }

  #hold(): void {
    const { polls } = this.#owner;
    try {
      const question = this.#question(this.position, HOLD_MS, HOLD_MS + GRACE_MS);
      this.#acknowledged = this.position;
      this.#poll = polls.ask(
        question,
        (answer) => this.#polled(answer),
        (error) => this.#lost(1006, error.message),
      );
    } catch (error) {
      this.#lost(1006, (error as Error).message);
    }
  }

  #polled({ status, body }: HttpAnswer): void {
    if (this.#silent) return;
    if (status === 200) {
      this.#redirects = 0;
      this.#take(body);
      if (!this.#silent) this.#hold();
    } else if (status === 421) this.#followOrLose(body, () => this.#hold());
    else this.#refused(status, body);
  }

  #take(body: Record<string, unknown>): void {
    for (const frame of (body.frames as Frame[] | undefined) ?? []) {
      if (this.#silent) return;
      if (frame.type === 'message') this.#message(frame);
      else if (frame.type === 'receipt' && frame.state === 'delivered') this.#receipt(frame.peer, frame.upTo);
    }
    this.position = Number(body.after);
  }

  #message({ direction, peer, seq, group, body, bodyBase64 }: Frame): void {
    this.position = seq;
    if (direction !== 'in') return;
    const bytes = bodyBase64 === undefined ? Buffer.from(body ?? '') : Buffer.from(bodyBase64, 'base64');
    this.#owner.events.received(this, peer, bytes, group);
  }

  #receipt(peer: string, upTo: number): void {
    for (const id of this.#unsettled?.delivered(peer, upTo) ?? [])
      if (!this.#silent) this.#owner.events.delivered(this, id);
    this.#forgetSettled();
  }

  #sendNext(): void {
    this.#post = undefined;
    const next = this.#waiting[0];
    if (next === undefined || this.#silent) return;
    try {
      // Sends share sockets, and need no address of their own for each.
      const { host, port } = this.#owner.endpoint(this.user);
      const question: HttpQuestion = {
        method: 'POST',
        host: host.startsWith('127.') ? '127.0.0.1' : host,
        port,
        path: `/v1/messages?user=${encodeURIComponent(this.user)}`,
        token: this.#owner.token(this.user),
        body: next.body,
        timeoutMs: SEND_TIMEOUT_MS,
      };
      this.#post = this.#owner.sends.ask(
        question,
        (answer) => this.#posted(next.id, answer),
        (error) => this.#lost(1006, error.message),
      );
    } catch (error) {
      this.#lost(1006, (error as Error).message);
    }
  }

  #posted(id: number, { status, body }: HttpAnswer): void {
    if (this.#silent) return;
    if (status === 421) this.#followOrLose(body, () => this.#sendNext());
    else if (status === 401) this.#refused(status, body);
    else {
      this.#waiting.shift();
      if (status === 200) this.#sent(id, Number(body.seq));
      else this.#failed(id, status, body);
      this.#forgetSettled();
      this.#sendNext();
    }
  }

  #sent(id: number, seq: number): void {
    const delivered = this.#unsettled?.acknowledged(id, seq) === true;
    this.#owner.events.sent(this, id);
    if (delivered && !this.#silent) this.#owner.events.delivered(this, id);
  }

  #failed(id: number, status: number, { code, error, retryAfterMs }: Record<string, unknown>): void {
    this.#unsettled?.failed(id);
    const retryable = RETRYABLE.has(Number(code)) || status === 503 || status === 504;
    this.#owner.events.sendFailed(this, id, String(error ?? `status ${status}`), retryable, Number(retryAfterMs ?? 0));
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
    const advice = ADVICE.get(code) ?? (status === 409 || status === 429 ? 'later' : 'resume');
    this.#lost(code, message, !final, advice === 'never' ? 'resume' : advice);
  }

  #lost(code: number, reason: string, resumable = true, advice: ReconnectAdvice = 'resume'): void {
    if (this.#silent) return;
    this.#end();
    this.#owner.ended(this);
    this.#owner.events.closed(this, code, reason, resumable, advice);
  }

  #end(): void {
    this.#silent = true;
    this.#poll?.abort();
    this.#post?.abort();
    this.#waiting = [];
    this.#unsettled = undefined;
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

  #forgetSettled(): void {
    if (this.#unsettled?.size === 0) this.#unsettled = undefined;
  }

  #question(after: number | undefined, holdMs: number, timeoutMs: number): HttpQuestion {
    const { user } = this;
    const query = `user=${encodeURIComponent(user)}&device=${encodeURIComponent(this.#device)}&timeout=${holdMs}`;
    const path = `/v1/poll?${query}${after === undefined ? '' : `&after=${after}`}`;
    return { method: 'GET', ...this.#owner.endpoint(user), path, token: this.#owner.token(user), timeoutMs };
  }
}

/** What of the JSON frames in an answer is used. */
interface Frame {
  type: string;
  direction: 'in' | 'out';
  peer: string;
  seq: number;
  group?: string;
  body?: string;
  bodyBase64?: string;
  state: string;
  upTo: number;
}

function refusal(status: number, body: Record<string, unknown>): DriverError {
  const text = `the server answered ${status}: ${String(body.error ?? 'without a reason')}`;
  return new DriverError('server', text, { final: status === 400 || status === 401 || status === 404 });
}
