/** One HTTP POST of a provider, bounded in everything: time, what is read of the answer, connections. No redirects. */
import http from 'node:http';
import https from 'node:https';
import type { HandOffResult } from './provider.ts';

const TIMEOUT_MS = 10_000;
/** Nothing in an answer's body is needed; more than this is not even thrown away but cut off. */
const BODY_MOST_BYTES = 16_384;
const CONNECTIONS_PER_HOST = 32;
/** Failures before anything of the request has left. */
const UNSENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL']);

export class HttpPoster {
  #now: () => number;
  #timeoutMs: number;
  #gone: readonly number[];
  #plain = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS_PER_HOST, maxFreeSockets: 4 });
  #secure = new https.Agent({ keepAlive: true, maxSockets: CONNECTIONS_PER_HOST, maxFreeSockets: 4 });
  #underWay = new Set<http.ClientRequest>();
  #closed = false;

  /** `gone`: statuses by which the receiver says that it does not know the device. `timeoutMs`: to the end of the answer. */
  constructor(now: () => number, gone: readonly number[], timeoutMs = TIMEOUT_MS) {
    this.#now = now;
    this.#gone = gone;
    this.#timeoutMs = timeoutMs;
  }

  /** Never rejects. Reasons name the host, never the path, which may be a secret. */
  post(url: URL, headers: Record<string, string | number>, body: Buffer): Promise<HandOffResult> {
    if (this.#closed) return Promise.resolve(later('the server is shutting down', 0, true));
    const secure = url.protocol === 'https:';
    const options = { method: 'POST', agent: secure ? this.#secure : this.#plain, headers };
    return new Promise((resolve) => {
      const request = (secure ? https : http).request(url, options);
      this.#underWay.add(request);
      const finish = (result: HandOffResult): void => {
        clearTimeout(timer);
        this.#underWay.delete(request);
        resolve(result);
      };
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${this.#timeoutMs} ms`)),
        this.#timeoutMs,
      );
      request.on('error', (error: NodeJS.ErrnoException) =>
        finish(later(`${url.host}: ${error.message}`, 0, UNSENT.has(error.code ?? ''))),
      );
      request.on('response', (response) => {
        const result = this.#judge(url.host, response);
        let left = BODY_MOST_BYTES;
        response.on('data', (part: Buffer) => {
          left -= part.length;
          if (left < 0) request.destroy();
        });
        // The status says it all, whatever becomes of the body.
        response.on('end', () => finish(result)).on('error', () => finish(result));
        response.on('close', () => finish(result));
      });
      request.end(body);
    });
  }

  close(): void {
    this.#closed = true;
    for (const request of this.#underWay) request.destroy(new Error('the server is shutting down'));
    this.#plain.destroy();
    this.#secure.destroy();
  }

  #judge(host: string, response: http.IncomingMessage): HandOffResult {
    const status = response.statusCode ?? 0;
    const reason = `${host} answered ${status}`;
    if (status >= 200 && status < 300) return { outcome: 'accepted' };
    if (status === 408 || status === 425 || status === 429 || status >= 500) {
      const retryAfterMs = readRetryAfter(response.headers['retry-after'], this.#now());
      // These two say that nothing was done; another 5xx may come after the deed.
      return later(reason, retryAfterMs, status === 429 || status === 503);
    }
    if (this.#gone.includes(status)) return { outcome: 'gone', reason };
    if (status >= 300 && status < 400) return { outcome: 'refused', reason: `${reason}; redirects are not followed` };
    return { outcome: 'refused', reason };
  }
}

/** `Retry-After` in ms from now, seconds or a date (RFC 9110, 10.2.3); 0 when there is none that can be read. */
export function readRetryAfter(header: string | undefined, now: number): number {
  if (header === undefined) return 0;
  if (/^\s*\d+\s*$/.test(header)) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now);
}

function later(reason: string, retryAfterMs: number, untaken: boolean): HandOffResult {
  return { outcome: 'retry', reason, retryAfterMs, untaken };
}
