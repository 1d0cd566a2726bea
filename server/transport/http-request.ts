/**
 * One HTTP request: what must be known of it once the library's own request object is gone, its body, and its one answer.
 * Answering a request whose client has hung up does nothing.
 */
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { isUtf8 } from 'node:buffer';
import { HttpProblem } from './http-problem.ts';
import { decodePathPart, Query } from './http-query.ts';
import { STATUS_TEXT, type Status } from './http-status.ts';
import { bearerToken } from './websocket.ts';

/** A body over its limit is read to its end and dropped, so that the client hears why; but not more than so many times the limit. */
const DROPPED_LIMITS = 8;

export class HttpCall {
  readonly host: string;
  readonly token: string;
  readonly query: Query;
  /** The client has hung up. */
  aborted = false;
  answered = false;
  /** Called when the client hangs up before the answer. */
  onAbort: (() => void) | null = null;
  readonly #res: HttpResponse;
  readonly #path: Map<string, string>;
  readonly #contentLength: number;

  /** `parameters`: names of the parameters in the path, in order. */
  constructor(res: HttpResponse, req: HttpRequest, parameters: readonly string[]) {
    this.#res = res;
    this.host = req.getHeader('host');
    this.token = bearerToken(req);
    this.query = new Query(req.getQuery() ?? '');
    this.#path = new Map(parameters.map((name, i) => [name, req.getParameter(i) ?? '']));
    this.#contentLength = Number(req.getHeader('content-length') || 0);
    res.onAborted(() => {
      this.aborted = true;
      this.onAbort?.();
    });
  }

  parameter(name: string): string {
    return decodePathPart(name, this.#path.get(name)!);
  }

  /** The body as a JSON object. Must be called before the handler waits for anything. Never settles when the client hangs up. */
  async json(maxBytes: number): Promise<Record<string, unknown>> {
    const bytes = await this.#body(maxBytes);
    if (!isUtf8(bytes)) throw new HttpProblem(400, 'the body is not UTF-8');
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString());
    } catch {
      throw new HttpProblem(400, 'the body is not JSON');
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new HttpProblem(400, 'the body is not a JSON object');
    }
    return value as Record<string, unknown>;
  }

  reply(status: Status, body: object, headers: Record<string, string> = {}): void {
    this.replyText(status, JSON.stringify(body), headers);
  }

  /** `text` is JSON unless a content type is among the headers. */
  replyText(status: Status, text: string, headers: Record<string, string> = {}, closeConnection = false): void {
    if (this.aborted || this.answered) return;
    this.answered = true;
    const res = this.#res;
    res.cork(() => {
      res.writeStatus(`${status} ${STATUS_TEXT[status]}`);
      if (headers['content-type'] === undefined) res.writeHeader('content-type', 'application/json');
      // No answer is good for another request.
      res.writeHeader('cache-control', 'no-store');
      for (const [name, value] of Object.entries(headers)) res.writeHeader(name, value);
      res.end(text, closeConnection);
    });
  }

  replyProblem(problem: HttpProblem, closeConnection = false): void {
    const { retryAfterMs } = problem.details;
    const headers: Record<string, string> =
      retryAfterMs === undefined ? {} : { 'retry-after': `${Math.ceil(retryAfterMs / 1_000)}` };
    this.replyText(problem.status, JSON.stringify(problem.body), headers, closeConnection);
  }

  #body(maxBytes: number): Promise<Buffer> {
    const tooLarge = new HttpProblem(413, `the body is larger than ${maxBytes} bytes`);
    return new Promise((resolve, reject) => {
      let chunks: Buffer[] = [];
      let length = 0;
      const giveUp = (): void => this.replyProblem(tooLarge, true);
      if (this.#contentLength > maxBytes * DROPPED_LIMITS) giveUp();
      this.#res.onData((chunk, isLast) => {
        if (this.answered || this.aborted) return;
        length += chunk.byteLength;
        if (length <= maxBytes) {
          // The library takes the chunk back when this returns.
          chunks.push(Buffer.from(chunk.slice(0)));
          if (isLast) resolve(Buffer.concat(chunks, length));
          return;
        }
        chunks = [];
        if (isLast) reject(tooLarge);
        else if (length > maxBytes * DROPPED_LIMITS) giveUp();
      });
    });
  }
}
