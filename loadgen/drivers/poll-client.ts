/** Short HTTP requests and held ones to a reference node, JSON in and out, over connections that are kept. */
import { Agent, type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import { socketError } from './socket-error.ts';
import type { DriverError } from './target-driver.ts';

export interface HttpAnswer {
  status: number;
  /** The parsed body; an empty object when it is no JSON object. */
  body: Record<string, unknown>;
}

export interface HttpQuestion {
  method: 'GET' | 'POST';
  host: string;
  port: number;
  /** With its query. */
  path: string;
  token: string | undefined;
  /** JSON text. */
  body?: string;
  /** Until the whole answer is there. */
  timeoutMs: number;
}

/** A question under way. */
export interface Asking {
  /** Break it off: nothing is answered any more. */
  abort(): void;
}

/** A server ends connections that are idle for ten seconds; they are better ended before it does. */
const IDLE_MS = 4_000;

export class PollClient {
  readonly #agent: Agent;

  /** `most`: sockets at a time; more questions wait for one. */
  constructor(most = Number.POSITIVE_INFINITY) {
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: most,
      maxFreeSockets: most,
      scheduling: 'lifo',
      timeout: IDLE_MS,
      noDelay: true,
    });
  }

  /** Ask; exactly one of `answered` and `failed` is called, later, unless it is aborted before. */
  ask(question: HttpQuestion, answered: (answer: HttpAnswer) => void, failed: (error: DriverError) => void): Asking {
    const asking = new Question(question, this.#agent, answered, failed);
    asking.begin();
    return asking;
  }

  /** Ends all connections, with what is under way on them. */
  close(): void {
    this.#agent.destroy();
  }
}

class Question implements Asking {
  readonly #question: HttpQuestion;
  readonly #options: RequestOptions;
  readonly #answered: (answer: HttpAnswer) => void;
  readonly #failed: (error: DriverError) => void;
  #request: ClientRequest | undefined;
  #repeated = false;
  #done = false;

  constructor(
    question: HttpQuestion,
    agent: Agent,
    answered: (answer: HttpAnswer) => void,
    failed: (error: DriverError) => void,
  ) {
    const { method, host, port, path, token, body, timeoutMs } = question;
    const headers: Record<string, string | number> = {};
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-length'] = Buffer.byteLength(body);
    this.#question = question;
    this.#options = { agent, method, host, port, path, headers, timeout: timeoutMs };
    this.#answered = answered;
    this.#failed = failed;
  }

  begin(): void {
    const { body, timeoutMs } = this.#question;
    const asking = request(this.#options);
    this.#request = asking;
    asking.on('response', (response) => this.#read(response));
    asking.on('timeout', () => asking.destroy(new Error(`nothing for ${timeoutMs / 1000} s`)));
    asking.on('error', (error: NodeJS.ErrnoException) => {
      // The server ended a connection that it took for idle while the question was on its way; both kinds may be repeated.
      if (asking.reusedSocket && error.code === 'ECONNRESET' && !this.#repeated && !this.#done) {
        this.#repeated = true;
        this.begin();
      } else this.#fail(error);
    });
    asking.end(body);
  }

  abort(): void {
    this.#done = true;
    this.#request?.destroy();
  }

  #read(response: IncomingMessage): void {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (part: string) => {
      text += part;
    });
    response.on('error', (error) => this.#fail(error));
    response.on('end', () => {
      if (this.#done) return;
      this.#done = true;
      this.#answered({ status: response.statusCode!, body: parse(text) });
    });
  }

  #fail(error: NodeJS.ErrnoException): void {
    if (this.#done) return;
    this.#done = true;
    const { host, port } = this.#question;
    this.#failed(socketError(error, `${host}:${port} did not answer`));
  }
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
