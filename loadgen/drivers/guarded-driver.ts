/**
 * Stands between the agent and a driver that somebody else wrote, and holds it to the guarantees of target-driver.ts: what
 * it throws, forgets or reports too often becomes an error with its name, or is dropped and counted. The reference driver
 * does without: it keeps them, and the guard costs a look-up per message.
 */
import { DriverModuleError } from './driver-module-error.ts';
import { GuardedConnection } from './guarded-connection.ts';
import {
  asDriverError,
  type ConnectOptions,
  type CreateDriver,
  type DriverConnection,
  DriverError,
  type DriverEvents,
  type DriverOptions,
  isDriverError,
  type TargetDriver,
} from './target-driver.ts';

export interface GuardLimits {
  /** For `prepare`. */
  prepareMs: number;
  /** Beyond the `timeoutMs` that `connect` was given: a driver that keeps it needs a moment to say so. */
  graceMs: number;
  /** For `close`. */
  closeMs: number;
}

const LIMITS: GuardLimits = { prepareMs: 15_000, graceMs: 1_000, closeMs: 1_000 };

/**
 * The same driver under guard. `name` stands in every sentence about it.
 *
 * - `createDriver` that throws or gives no driver, `prepare` that throws anything but a DriverError, throws a final one or
 *   never settles: DriverModuleError.
 * - `connect` that throws, gives no connection or does not settle: DriverError, on the server's side unless it says
 *   otherwise. One that hangs at a user's first connect is final.
 * - `send` that throws: `sendFailed`, not retryable.
 * - Events after the end of a connection, and second answers to one send, are dropped; `problems` counts them.
 */
export function guardedDriver(
  name: string,
  createDriver: CreateDriver,
  limits: Partial<GuardLimits> = {},
): CreateDriver {
  return (options, events) => new GuardedDriver(name, createDriver, options, events, { ...LIMITS, ...limits });
}

class GuardedDriver<Context> implements TargetDriver<Context> {
  readonly #name: string;
  readonly #limits: GuardLimits;
  readonly #driver: TargetDriver<Context>;
  readonly #events: DriverEvents<Context>;
  /** By the driver's own object. */
  readonly #connections = new WeakMap<DriverConnection<Context>, GuardedConnection<Context>>();
  /** What went wrong, with how often. */
  readonly #problems = new Map<string, number>();

  constructor(
    name: string,
    createDriver: CreateDriver,
    options: DriverOptions,
    events: DriverEvents<Context>,
    limits: GuardLimits,
  ) {
    this.#name = name;
    this.#limits = limits;
    this.#events = events;
    try {
      this.#driver = createDriver(options, this.#guardedEvents());
    } catch (error) {
      throw new DriverModuleError(`${this.#subject} can't be created: ${messageOf(error)}`, { cause: error });
    }
    const missing = missingMembers(this.#driver, ['prepare', 'connect', 'flush', 'close']);
    if (missing !== '') throw new DriverModuleError(`${this.#subject} can't be created: createDriver gives ${missing}`);
    if (typeof this.#driver.capabilities !== 'object' || this.#driver.capabilities === null)
      throw new DriverModuleError(
        `${this.#subject} can't be created: createDriver gives a driver without capabilities`,
      );
  }

  get name(): string {
    return this.#driver.name;
  }

  get capabilities(): TargetDriver['capabilities'] {
    return this.#driver.capabilities;
  }

  async prepare(): Promise<void> {
    const { prepareMs } = this.#limits;
    try {
      await within(prepareMs, () => this.#driver.prepare());
    } catch (error) {
      if (error instanceof TimeoutError)
        throw new DriverModuleError(`${this.#subject} did not finish "prepare" within ${prepareMs / 1000} s`);
      const text = `${this.#subject} can't prepare: ${messageOf(error)}`;
      if (!isDriverError(error) || asDriverError(error).final) throw new DriverModuleError(text, { cause: error });
      throw new DriverError(asDriverError(error).side, text, { cause: error });
    }
  }

  async connect(options: ConnectOptions<Context>): Promise<DriverConnection<Context>> {
    const limitMs = options.timeoutMs + this.#limits.graceMs;
    let late = false;
    try {
      const guarded = await within(limitMs, async () => {
        const connection = await this.#driver.connect(options);
        const missing = missingMembers(connection, ['send', 'close']);
        if (missing !== '') throw new TypeError(`it gives ${missing}`);
        const guarded = this.#guarded(connection);
        if (late) guarded.outside.close(false);
        return guarded;
      });
      return guarded.outside;
    } catch (error) {
      if (error instanceof TimeoutError) {
        late = true;
        // Trying a driver again that does not keep its time at all would only make the run wait.
        const final = options.after === undefined;
        throw new DriverError('server', `${this.#subject} did not finish "connect" within ${limitMs / 1000} s`, {
          final,
        });
      }
      if (isDriverError(error)) throw asDriverError(error);
      throw new DriverError('server', `${this.#subject} failed in "connect": ${messageOf(error)}`, { cause: error });
    }
  }

  flush(): void {
    this.#attempt('flush', () => this.#driver.flush());
  }

  async close(): Promise<void> {
    await within(this.#limits.closeMs, () => this.#driver.close()).catch((error: unknown) => {
      this.#problem(
        error instanceof TimeoutError ? 'did not finish "close"' : `failed in "close": ${messageOf(error)}`,
      );
    });
  }

  problems(): string[] {
    const own = [...this.#problems].map(
      ([what, times]) => `${this.#subject} ${what}${times > 1 ? ` (${times} ×)` : ''}`,
    );
    return [...own, ...(this.#driver.problems?.() ?? [])];
  }

  get #subject(): string {
    return `the driver ${this.#name}`;
  }

  #guarded(connection: DriverConnection<Context>): GuardedConnection<Context> {
    const known = this.#connections.get(connection);
    if (known !== undefined) return known;
    const guarded: GuardedConnection<Context> = new GuardedConnection(connection, {
      threw: (method, thrown, id) => {
        const what = `failed in "${method}": ${messageOf(thrown)}`;
        this.#problem(what);
        if (id !== undefined && guarded.settle(id))
          this.#events.sendFailed(guarded.outside, id, `${this.#subject} ${what}`, false);
      },
    });
    this.#connections.set(connection, guarded);
    return guarded;
  }

  #guardedEvents(): DriverEvents<Context> {
    const events = this.#events;
    const problem = (what: string): void => this.#problem(`${what}, which was dropped`);
    /** The connection that may report, or undefined. */
    const from = (connection: DriverConnection<Context>): GuardedConnection<Context> | undefined => {
      const guarded = this.#guarded(connection);
      if (!guarded.ended) return guarded;
      problem('reported something of a connection that had ended');
      return undefined;
    };
    const answered = (connection: DriverConnection<Context>, id: number): GuardedConnection<Context> | undefined => {
      const guarded = from(connection);
      if (guarded === undefined || guarded.settle(id)) return guarded;
      problem('answered a send that waited for no answer');
      return undefined;
    };
    return {
      ...passOn(events, from),
      sent(connection, id) {
        const guarded = answered(connection, id);
        if (guarded) events.sent(guarded.outside, id);
      },
      sendFailed(connection, id, reason, retryable, retryAfterMs) {
        const guarded = answered(connection, id);
        if (guarded) events.sendFailed(guarded.outside, id, String(reason), retryable === true, retryAfterMs);
      },
      received(connection, sender, body, group) {
        const guarded = from(connection);
        if (guarded === undefined) return;
        if (body instanceof Uint8Array) events.received(guarded.outside, sender, body, group);
        else problem('gave a body that is no Uint8Array');
      },
      closed(connection, code, reason, resumable, advice) {
        const guarded = from(connection);
        if (guarded === undefined) return;
        guarded.ended = true;
        events.closed(guarded.outside, code, String(reason), resumable === true, advice);
      },
    };
  }

  #attempt(what: string, call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#problem(`failed in "${what}": ${messageOf(error)}`);
    }
  }

  #problem(what: string): void {
    if (this.#problems.size < MOST_PROBLEMS || this.#problems.has(what))
      this.#problems.set(what, (this.#problems.get(what) ?? 0) + 1);
  }
}

const MOST_PROBLEMS = 20;

class TimeoutError extends Error {}

/** The result of `call`, or a TimeoutError after `ms`. Also what it throws at once is a rejection. */
function within<T>(ms: number, call: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new TimeoutError()), ms);
    new Promise<T>((settle) => settle(call())).then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function messageOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return text.split('\n')[0] || 'it does not say why';
}

/** What is missing for `value` to have these methods, in words; '' when nothing is. */
function missingMembers(value: unknown, methods: string[]): string {
  if (typeof value !== 'object' || value === null) return value === null ? 'null' : `a value of type ${typeof value}`;
  const absent = methods.find((name) => typeof (value as Record<string, unknown>)[name] !== 'function');
  return absent === undefined ? '' : `an object without the method "${absent}"`;
}

/** Events as they are, but of connections that may report only. */
function passOn<Context>(
  events: DriverEvents<Context>,
  from: (connection: DriverConnection<Context>) => GuardedConnection<Context> | undefined,
): DriverEvents<Context> {
  const passing = Object.entries(events).map(([name, event]) => [
    name,
    (connection: DriverConnection<Context>, ...rest: unknown[]) => {
      const guarded = from(connection);
      if (guarded) event.call(events, guarded.outside, ...rest);
    },
  ]);
  return Object.fromEntries(passing) as DriverEvents<Context>;
}
