/**
 * One connection that makes calls at a steady rate, by an autocannon of its own: autocannon makes the calls of a second one
 * after the other from its beginning, so that connections which begin at different times spread them over the second.
 *
 * Durations are response times, as k6's `http_req_duration`: from writing a request to the end of its answer, not from an
 * intended time, which autocannon does not have. Calls that a slow answer leaves no time for are not made; the achieved rate
 * shows it. They are taken from autocannon's events of the connection, not from its own accounts, which mix up a call that a
 * broken connection left unanswered with the next one.
 */
import type { EventEmitter } from 'node:events';
import autocannon from 'autocannon';
import { build, type Histogram } from 'hdr-histogram-js';
import type { Clock, Timer } from '../clock.ts';
import type { BuiltRequest } from './http-requests.ts';

export interface CallerOptions {
  clock: Clock;
  /** Where to call now; asked again after the connection broke. */
  origin: () => Promise<string>;
  /** Calls/s, whole, 1 or more. */
  rate: number;
  next: () => BuiltRequest;
  /** A call without an answer for so long is given up; default 30, longer than a long poll is held. */
  timeoutSeconds?: number;
  /** An answer, at the end of it, with what it took; `startedMs` on the clock. */
  answered: (startedMs: number, tookMs: number, status: number) => void;
  /** No answer: the time of a timeout, and null of a connection that broke. */
  failed: (startedMs: number, tookMs: number | null, why: string) => void;
}

const TIMEOUT_SECONDS = 30;
/** Before the second and each further attempt: without a pause autocannon would try again as fast as it is refused. */
const PAUSE_MS = 250;
/** autocannon wants to know how long; `stop` ends it. */
const FOREVER_SECONDS = 1e6;

/** What autocannon's client is, beyond its types: an emitter of `request`, `response`, `timeout` and `connError`. */
interface Client extends EventEmitter {
  destroy(): void;
}

export class HttpCaller {
  readonly #options: CallerOptions;
  #client: Client | null = null;
  #tracker: autocannon.Instance | null = null;
  /** Of the call under way. */
  #startedMs: number | null = null;
  #pause: Timer | null = null;
  /** Since the connection broke, until the next answer: calls that failed, and why the first did. */
  #down: { sinceMs: number; failed: number; why: string } | null = null;
  /** Called when the last call is over. */
  #over: () => void = () => {};
  #stopped = false;

  readonly #timeoutSeconds: number;

  constructor(options: CallerOptions) {
    this.#options = options;
    this.#timeoutSeconds = options.timeoutSeconds ?? TIMEOUT_SECONDS;
  }

  /** Begin to call. Never rejects: where nobody can be called, calls fail. */
  async start(): Promise<void> {
    let origin: string;
    try {
      origin = await this.#options.origin();
    } catch (error) {
      this.#broke((error as Error).message);
      return;
    }
    if (this.#stopped) return;
    const options = {
      url: origin,
      connections: 1,
      pipelining: 1,
      overallRate: this.#options.rate,
      duration: FOREVER_SECONDS,
      timeout: this.#timeoutSeconds,
      requests: [{ setupRequest: (request: object) => ({ ...request, ...this.#options.next() }) }],
      setupClient: (client: autocannon.Client) => this.#follow(client as unknown as Client),
      // Its own are of five digits and grow to megabytes a connection; what is reported is recorded elsewhere.
      histograms: { latencies: coarse(), requests: coarse(), throughput: coarse() },
      ignoreCoordinatedOmission: true,
      skipAggregateResult: true,
    };
    this.#tracker = autocannon(options, () => {});
  }

  /** Make no more calls; resolves when the one under way is over, or after `graceMs`, when it counts as failed. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#options.clock.cancel(this.#pause);
    this.#failDue();
    if (this.#startedMs !== null) {
      await new Promise<void>((resolve) => {
        const timer = this.#options.clock.after(graceMs, resolve);
        this.#over = () => {
          this.#options.clock.cancel(timer);
          resolve();
        };
      });
      this.#lost(0, 'no answer by the end');
    }
    this.#end();
  }

  #follow(client: Client): void {
    const { clock, answered } = this.#options;
    this.#client = client;
    client.on('request', () => {
      if (client !== this.#client || this.#stopped) return;
      // A new call while one was under way: the server closed the connection, or autocannon gave the call up.
      if (this.#startedMs !== null) this.#broke('the connection ended before the answer');
      else this.#startedMs = clock.nowMs();
    });
    client.on('response', (status: number) => {
      const started = this.#startedMs;
      if (client !== this.#client || started === null) return;
      this.#startedMs = null;
      this.#failDue();
      this.#down = null;
      answered(started, clock.nowMs() - started, Number(status));
      if (!this.#stopped) return;
      this.#end();
      this.#over();
    });
    client.on('connError', (error: NodeJS.ErrnoException) => {
      if (client === this.#client) this.#broke(error.code ?? error.message);
    });
  }

  #broke(why: string): void {
    const { clock } = this.#options;
    const again = this.#down !== null;
    this.#down ??= { sinceMs: clock.nowMs(), failed: 0, why };
    if (this.#startedMs !== null) {
      this.#lost(clock.nowMs() - this.#startedMs, why);
      this.#down.failed++;
    }
    this.#failDue();
    this.#end();
    this.#over();
    if (!this.#stopped) this.#pause = clock.after(again ? PAUSE_MS : 0, () => void this.start());
  }

  /** Calls that were due while there was no connection have failed: each attempt stands for all of its time. */
  #failDue(): void {
    const { clock, rate, failed } = this.#options;
    const down = this.#down;
    if (down === null) return;
    const nowMs = clock.nowMs();
    const due = Math.floor((rate * (nowMs - down.sinceMs)) / 1_000);
    for (; down.failed < due; down.failed++) failed(nowMs, null, down.why);
  }

  /** The call under way gets no answer. What took as long as the timeout has timed out. */
  #lost(tookMs: number, why: string): void {
    const started = this.#startedMs;
    if (started === null) return;
    this.#startedMs = null;
    const timedOut = tookMs >= this.#timeoutSeconds * 1_000 - 1;
    this.#options.failed(started, timedOut ? tookMs : null, timedOut ? `no answer in ${this.#timeoutSeconds} s` : why);
  }

  #end(): void {
    this.#client?.destroy();
    this.#client = null;
    this.#tracker?.stop();
    this.#tracker = null;
  }
}

function coarse(): Histogram {
  return build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 2,
    numberOfSignificantValueDigits: 1,
    autoResize: true,
  });
}
