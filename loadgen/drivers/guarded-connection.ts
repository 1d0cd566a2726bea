/** A connection of a guarded driver, as the agent sees it: what it throws goes to `GuardedOutcome`, its sends are kept in mind. */
import type { DriverConnection } from './target-driver.ts';

export interface GuardedOutcome {
  /** The method with this name threw; `id`: that of the send it was called for. */
  threw(method: string, thrown: unknown, id: number | undefined): void;
}

/** Methods that send: (to, id, body). */
const SENDS = ['send', 'sendGroup'];

export class GuardedConnection<Context> {
  /** What the agent gets: the driver's object in all that is not said here. */
  readonly outside: DriverConnection<Context>;
  /** Nothing is to be reported any more. */
  ended = false;
  /** Sends without an answer, by id; an id that is sent again may be answered again. Idle connections keep no map. */
  #unanswered: Map<number, number> | undefined;

  constructor(inside: DriverConnection<Context>, outcome: GuardedOutcome) {
    const methods = new Map<string | symbol, unknown>();
    const method = (name: string, call: (...args: never[]) => unknown): unknown => {
      if (name === 'close') {
        return (orderly: boolean): void => {
          this.ended = true;
          attempt(name, undefined, () => inside.close(orderly));
        };
      }
      if (!SENDS.includes(name)) return call.bind(inside);
      return (to: string, id: number, body: Uint8Array): void => {
        if (this.ended) return;
        this.#unanswered ??= new Map();
        this.#unanswered.set(id, (this.#unanswered.get(id) ?? 0) + 1);
        attempt(name, id, () => (call as (...args: unknown[]) => unknown).call(inside, to, id, body));
      };
    };
    const attempt = (name: string, id: number | undefined, call: () => void): void => {
      try {
        call();
      } catch (error) {
        outcome.threw(name, error, id);
      }
    };
    // Reads go to the driver's object itself, so that private fields of its class go on working; it may even be frozen.
    this.outside = new Proxy({} as DriverConnection<Context>, {
      get(_target, name) {
        const known = methods.get(name);
        if (known !== undefined) return known;
        const value: unknown = Reflect.get(inside, name, inside);
        if (typeof value !== 'function' || name === 'context') return value;
        const guarded = method(String(name), value as (...args: never[]) => unknown);
        methods.set(name, guarded);
        return guarded;
      },
      set: (_target, name, value) => Reflect.set(inside, name, value, inside),
    });
  }

  /** A send was answered: false when none waits for it. */
  settle(id: number): boolean {
    const times = this.#unanswered?.get(id);
    if (times === undefined) return false;
    if (times > 1) this.#unanswered!.set(id, times - 1);
    else this.#unanswered!.delete(id);
    if (this.#unanswered!.size === 0) this.#unanswered = undefined;
    return true;
  }
}
