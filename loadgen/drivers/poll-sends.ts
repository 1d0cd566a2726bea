/** The sends of one polling user: one request at a time, in order, and what is heard of the messages afterwards. */
import { ERRORS } from '../../server/protocol/errors.ts';
import type { Asking, HttpAnswer } from './poll-client.ts';
import { UnsettledSends } from './unsettled-sends.ts';

/** What sending asks of its connection, and reports to it. */
export interface PollSendsOwner {
  /** Ask the user's process to send; throws a DriverError while there is none. */
  post(body: string, answered: (answer: HttpAnswer) => void): Asking;
  /** An answer that concerns the connection, not the message: it is asked again by `goOn`, or never. */
  handle(answer: HttpAnswer, goOn: () => void): void;
  sent(id: number): void;
  failed(id: number, reason: string, retryable: boolean, retryAfterMs: number): void;
  delivered(id: number): void;
  stored(id: number): void;
  /** Nobody could be asked. */
  lost(error: Error): void;
}

/** Errors upon which the same send is repeated with the same id. The last two leave open whether it was stored, or will be. */
const RETRYABLE: ReadonlySet<number> = new Set([
  ERRORS.tryLater.code,
  ERRORS.draining.code,
  ERRORS.rateLimited.code,
  ERRORS.noAnswer.code,
  ERRORS.deadLetter.code,
]);

export class PollSends {
  readonly #owner: PollSendsOwner;
  #stopped = false;
  #asking: Asking | undefined;
  /** The first one is under way. */
  #waiting: Array<{ id: number; body: string }> = [];
  #unsettled: UnsettledSends | undefined;

  constructor(owner: PollSendsOwner) {
    this.#owner = owner;
  }

  /** Send in turn. */
  add(to: string, id: number, body: Uint8Array): void {
    this.#unsettled ??= new UnsettledSends();
    this.#unsettled.add(id, to);
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64');
    this.#waiting.push({ id, body: `{"id":${id},"to":${JSON.stringify(to)},"bodyBase64":"${bytes}"}` });
    if (this.#waiting.length === 1) this.#next();
  }

  receipt(state: string, peer: string, upTo: number): void {
    const known = this.#unsettled;
    if (known === undefined) return;
    if (state === 'delivered') for (const id of known.delivered(peer, upTo)) this.#owner.delivered(id);
    else for (const id of known.stored(peer, upTo)) this.#owner.stored(id);
    this.#forgetSettled();
  }

  /** Forget all of it. */
  stop(): void {
    this.#stopped = true;
    this.#asking?.abort();
    this.#waiting = [];
    this.#unsettled = undefined;
  }

  #next(): void {
    const next = this.#waiting[0];
    if (next === undefined || this.#stopped) return;
    try {
      this.#asking = this.#owner.post(next.body, (answer) => this.#answered(next.id, answer));
    } catch (error) {
      this.#owner.lost(error as Error);
    }
  }

  #answered(id: number, answer: HttpAnswer): void {
    const { status, body } = answer;
    if (status === 421 || status === 401) {
      this.#owner.handle(answer, () => this.#next());
      return;
    }
    this.#waiting.shift();
    if (status === 200) {
      const receipt = this.#unsettled?.acknowledged(id, Number(body.seq));
      this.#owner.sent(id);
      if (receipt === 'delivered') this.#owner.delivered(id);
      else if (receipt === 'stored') this.#owner.stored(id);
    } else {
      this.#unsettled?.failed(id);
      const retryable = RETRYABLE.has(Number(body.code)) || status === 503 || status === 504;
      this.#owner.failed(id, String(body.error ?? `status ${status}`), retryable, Number(body.retryAfterMs ?? 0));
    }
    this.#forgetSettled();
    this.#next();
  }

  /** Idle connections keep no list. */
  #forgetSettled(): void {
    if (this.#unsettled?.size === 0) this.#unsettled = undefined;
  }
}
