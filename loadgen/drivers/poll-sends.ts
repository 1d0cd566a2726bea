/** The sends of one polling user: one request at a time, in order, and what is heard of the messages afterwards. */
import type { Asking, HttpAnswer } from './poll-client.ts';
import { RETRYABLE_ERRORS } from './reference-codes.ts';
import { UnsettledSends } from './unsettled-sends.ts';

/** What sending asks of its connection, and reports to it. */
export interface PollSendsOwner {
  /** Ask the user's process to send; throws a DriverError while there is none. */
  post(body: string, answered: (answer: HttpAnswer) => void): Asking;
  /** An answer that concerns the connection, not the message: it is asked again by `goOn`, or never. */
  handle(answer: HttpAnswer, goOn: () => void): void;
  sent(id: number): void;
  failed(id: number, reason: string, retryable: boolean, retryAfterMs: number): void;
  /** It has this place in the sender's timeline, and no receipt of this peer's has told of it so far. */
  waiting(seq: number, peers: string[]): void;
  delivered(id: number): void;
  stored(id: number): void;
  /** Nobody could be asked. */
  lost(error: Error): void;
}

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

  /** Send to a user, or to a group, in turn. Of group messages there are no receipts. */
  add(where: 'to' | 'group', to: string, id: number, body: Uint8Array): void {
    if (where === 'to') {
      this.#unsettled ??= new UnsettledSends();
      this.#unsettled.add(id, to);
    }
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64');
    this.#waiting.push({ id, body: `{"id":${id},"${where}":${JSON.stringify(to)},"bodyBase64":"${bytes}"}` });
    if (this.#waiting.length === 1) this.#next();
  }

  /** Go on where an earlier connection was lost, with what it had sent and not heard of. */
  restore(unsettled: UnsettledSends): void {
    this.#unsettled = unsettled;
  }

  receipt(state: string, peer: string, upTo: number): void {
    const known = this.#unsettled;
    if (known === undefined) return;
    if (state === 'delivered') for (const id of known.delivered(peer, upTo)) this.#owner.delivered(id);
    else for (const id of known.stored(peer, upTo)) this.#owner.stored(id);
    this.#forgetSettled();
  }

  /** Nothing more is sent or reported; returns what is not heard of. */
  stop(): UnsettledSends | undefined {
    this.#stopped = true;
    this.#asking?.abort();
    this.#waiting = [];
    const unsettled = this.#unsettled;
    this.#unsettled = undefined;
    return unsettled;
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
      else if (receipt === 'waiting') this.#owner.waiting(Number(body.seq), this.#unsettled?.peersOf([id]) ?? []);
    } else {
      this.#unsettled?.failed(id);
      const retryable = status >= 503 || RETRYABLE_ERRORS.has(Number(body.code));
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
