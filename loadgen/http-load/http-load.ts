/** The HTTP load of a run, as the coordinator sees it: a process of its own, told when to begin and when to end. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { AgentUsage } from '../control/control-channel.ts';
import { AgentError } from '../coordinator/agent-error.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import { type FromHttpLoad, HTTP_SOURCE, type HttpAssignment, type ToHttpLoad } from './http-load-messages.ts';

const PROCESS = fileURLToPath(new URL('./http-load-process.js', import.meta.url));
const STOP_TIMEOUT_MS = 10_000;

export interface HttpLoadOptions {
  assignment: HttpAssignment;
  /** Once a second, until `stop` resolves. */
  onSamples: (batch: SampleBatch) => void;
  /** It ended without being asked to; `how` is a few words. */
  onGone: (how: string) => void;
}

export class HttpLoad {
  readonly name = HTTP_SOURCE;
  /** How it ended, when it was not asked to. */
  gone: string | null = null;
  /** Why calls had no answer, with how often; known after `stop`. */
  reasons: Record<string, number> = {};
  readonly #options: HttpLoadOptions;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #usage: AgentUsage | null = null;
  #rssPeak = 0;
  #stopping = false;
  #prepared: { resolve: () => void; reject: (error: Error) => void } | null = null;

  /** Resolves when it knows whom to call where. Rejects with AgentError. */
  static async start(options: HttpLoadOptions): Promise<HttpLoad> {
    const load = new HttpLoad(options);
    await new Promise<void>((resolve, reject) => {
      load.#prepared = { resolve, reject };
      load.#send({ type: 'prepare', assignment: options.assignment });
    }).catch((error: Error) => {
      load.kill();
      throw error;
    });
    load.#prepared = null;
    return load;
  }

  private constructor(options: HttpLoadOptions) {
    this.#options = options;
    this.#child = fork(PROCESS, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (message) => this.#receive(message as FromHttpLoad));
    const exited = new Promise<void>((resolve) => {
      this.#child.once('exit', (code, signal) => {
        if (!this.#stopping) this.#lost(signal ? `ended by ${signal}` : `ended with code ${code}`);
        resolve();
      });
    });
    // The last rows may be read after the process is gone, but not after the channel is.
    const disconnected = new Promise<void>((resolve) => this.#child.once('disconnect', resolve));
    this.#ended = Promise.all([exited, disconnected]);
  }

  /** CPU since the process started, resident memory now and at most. */
  usage(): { cpuSeconds: number; rssBytes: number; rssPeakBytes: number } {
    const { cpuSeconds = 0, rssBytes = 0 } = this.#usage ?? {};
    return { cpuSeconds, rssBytes, rssPeakBytes: this.#rssPeak };
  }

  /** Make calls from `startMs` on. */
  begin(startMs: number): void {
    this.#send({ type: 'start', startMs });
  }

  /** Make no more calls; resolves when all rows are in and the process has ended. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#send({ type: 'stop' });
    const timer = setTimeout(() => {
      this.#lost('did not end in time');
      this.kill();
    }, STOP_TIMEOUT_MS);
    await this.#ended;
    clearTimeout(timer);
  }

  /** End it by force; does nothing when it has ended. */
  kill(): void {
    this.#stopping = true;
    this.#child.kill('SIGKILL');
  }

  #send(message: ToHttpLoad): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #receive(message: FromHttpLoad): void {
    if (message.type === 'prepared') this.#prepared?.resolve();
    else if (message.type === 'stopped') this.reasons = message.reasons;
    else if (message.type === 'tick') {
      this.#usage = message.usage;
      this.#rssPeak = Math.max(this.#rssPeak, message.usage.rssBytes);
      this.#options.onSamples(message.samples);
    } else if (this.#prepared) this.#prepared.reject(new AgentError(message.side, message.message));
    else this.#lost(`failed: ${message.message}`);
  }

  #lost(how: string): void {
    if (this.gone !== null) return;
    this.gone = how;
    this.#prepared?.reject(new AgentError('generator', `the HTTP load ${how} before it was ready`));
    this.#options.onGone(how);
  }
}
