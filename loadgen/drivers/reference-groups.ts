/**
 * Making groups: the `group` requests of all connections of a driver, and their answers. A connection itself keeps nothing of
 * them, for hardly any ever makes a group.
 */
import { LIMITS } from '../../server/protocol/messages.ts';
import { RETRYABLE_ERRORS } from './reference-codes.ts';
import { DriverError } from './target-driver.ts';

/** A connection that can ask. */
export interface GroupAsker {
  readonly user: string;
  readonly isOpen: boolean;
  askGroup(id: number, action: 'create' | 'add', group: string, users: string[]): void;
}

interface Answer {
  members: number;
  head: number;
}

interface Asked {
  asker: GroupAsker;
  answer: (answer: Answer) => void;
  /** To be asked again after so many ms. */
  again: (afterMs: number) => void;
  reject: (error: DriverError) => void;
}

/** For a whole group, repetitions included. */
const TIMEOUT_MS = 30_000;
/** Where the server does not say when to ask again. */
const RETRY_MS = 1_000;

export class ReferenceGroups {
  readonly #asked = new Map<number, Asked>();
  /** Errors name a request by the same number as a send: those of requests go down from the highest, far from any send. */
  #nextId = Number.MAX_SAFE_INTEGER;

  /**
   * Have the asker's user own a group with these members; what is missing in one of his that is there already is added. Its
   * requests follow one another, 256 users each. Rejects with a DriverError after 30 s, when the server refuses, or when the
   * connection ends.
   */
  async create(asker: GroupAsker, group: string, members: readonly string[]): Promise<void> {
    const deadline = performance.now() + TIMEOUT_MS;
    const others = [...new Set(members)].filter((member) => member !== asker.user);
    const pieces: string[][] = [];
    for (let at = 0; at < others.length; at += LIMITS.namedUsers) pieces.push(others.slice(at, at + LIMITS.namedUsers));
    const first = pieces[0] ?? [];
    const made = await this.#ask(asker, 'create', group, first, deadline);
    // To create what is there already is no error for its owner, but changes nothing either.
    const isNew = made.head === 0 && made.members === first.length + 1;
    for (const piece of isNew ? pieces.slice(1) : pieces) await this.#ask(asker, 'add', group, piece, deadline);
  }

  answered(id: number, members: number, head: number): void {
    this.#take(id)?.answer({ members, head });
  }

  /** False: the error is not about a group. */
  failed(id: number, code: number, retryAfterMs: number, text: string): boolean {
    const asked = this.#take(id);
    if (asked === undefined) return false;
    if (RETRYABLE_ERRORS.has(code)) asked.again(retryAfterMs === 0 ? RETRY_MS : retryAfterMs);
    else asked.reject(new DriverError('server', `the server refused: ${text}`, { final: true }));
    return true;
  }

  /** The connection is closed or broken. */
  ended(asker: GroupAsker): void {
    for (const [id, asked] of this.#asked) {
      if (asked.asker !== asker) continue;
      this.#asked.delete(id);
      asked.reject(lost());
    }
  }

  async #ask(
    asker: GroupAsker,
    action: 'create' | 'add',
    group: string,
    users: string[],
    deadline: number,
  ): Promise<Answer> {
    for (;;) {
      const answer = await this.#askOnce(asker, action, group, users, deadline);
      if (typeof answer !== 'number') return answer;
      const leftMs = deadline - performance.now();
      await new Promise((resolve) => setTimeout(resolve, Math.min(answer, leftMs)));
    }
  }

  /** The answer, or after how many ms to ask again. */
  #askOnce(
    asker: GroupAsker,
    action: 'create' | 'add',
    group: string,
    users: string[],
    deadline: number,
  ): Promise<Answer | number> {
    return new Promise((resolve, reject) => {
      if (!asker.isOpen) throw lost();
      const id = this.#nextId--;
      const timeout = () => {
        this.#asked.delete(id);
        reject(new DriverError('server', `the server did not answer for ${TIMEOUT_MS / 1_000} s`));
      };
      const timer = setTimeout(timeout, Math.max(0, deadline - performance.now()));
      const done =
        <T>(settle: (value: T) => void) =>
        (value: T) => {
          clearTimeout(timer);
          settle(value);
        };
      this.#asked.set(id, { asker, answer: done(resolve), again: done(resolve), reject: done(reject) });
      asker.askGroup(id, action, group, users);
    });
  }

  #take(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    return asked;
  }
}

function lost(): DriverError {
  return new DriverError('server', 'the connection was lost');
}
