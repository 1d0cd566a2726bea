/**
 * Sends dead letters again, each as its own user and with its own client message id, so that what was stored meanwhile is
 * answered with the original and never stored twice.
 */
import { createHmac } from 'node:crypto';
import type { DeadLetter } from './dead-letter-log.ts';

/** Stored now or before; refused (what was said, so it stays); or not answered, and so not decided. */
export type ReplayOutcome =
  | { kind: 'replayed'; seq: number }
  | { kind: 'refused'; reason: string }
  | { kind: 'unanswered'; reason: string };

export interface ReplayOptions {
  /** `http://host:port` of the router, or of any process of the node. */
  target: string;
  /** Signs a token for each sender; null: the node asks for none. */
  authSecret: string | null;
  now: () => number;
  pause: (ms: number) => Promise<void>;
}

const ATTEMPTS = 5;
const PAUSE_MS = 500;
const MOST_PAUSE_MS = 5_000;
const TIMEOUT_MS = 15_000;
const TOKEN_SECONDS = 300;

export class Replayer {
  #options: ReplayOptions;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  async replay(letter: DeadLetter): Promise<ReplayOutcome> {
    let reason = '';
    let url = await this.#route(letter.user).catch((error: Error) => sayWhy(error));
    for (let attempt = 1; ; attempt++) {
      let pauseMs = PAUSE_MS * 2 ** (attempt - 1);
      if (url instanceof Error) reason = url.message;
      else {
        try {
          const answer = await this.#send(url, letter);
          if (answer.status === 200) return { kind: 'replayed', seq: Number(answer.body.seq) };
          const { error, code, retryAfterMs, url: elsewhere } = answer.body;
          reason = `${error ?? `status ${answer.status}`}${code === undefined ? '' : ` (${code})`}`;
          if (answer.status === 421 && typeof elsewhere === 'string' && attempt < ATTEMPTS) {
            url = httpUrl(elsewhere);
            continue;
          }
          if (!isPassing(answer.status)) return { kind: 'refused', reason };
          if (typeof retryAfterMs === 'number') pauseMs = Math.max(pauseMs, retryAfterMs);
        } catch (error) {
          reason = sayWhy(error).message;
        }
      }
      if (attempt >= ATTEMPTS) return { kind: 'unanswered', reason };
      await this.#options.pause(Math.min(pauseMs, MOST_PAUSE_MS));
      url = await this.#route(letter.user).catch((error: Error) => sayWhy(error));
    }
  }

  /** Where the user lives; the target itself if it is no router. */
  async #route(user: string): Promise<string | Error> {
    const { target } = this.#options;
    const response = await fetch(`${target}/v1/route?user=${encodeURIComponent(user)}`, {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.status === 404) return target;
    const { url, error } = (await response.json()) as { url?: string; error?: string };
    return url === undefined ? new Error(error ?? `the router answered with status ${response.status}`) : httpUrl(url);
  }

  async #send(url: string, letter: DeadLetter): Promise<{ status: number; body: Record<string, unknown> }> {
    const { user, id, to, group, bodyBase64 } = letter;
    const response = await fetch(`${url}/v1/messages?user=${encodeURIComponent(user)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...this.#authorisation(user) },
      body: JSON.stringify({ id, to, group, bodyBase64 }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const text = await response.text();
    try {
      return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
    } catch {
      return { status: response.status, body: {} };
    }
  }

  #authorisation(user: string): Record<string, string> {
    const { authSecret, now } = this.#options;
    if (authSecret === null) return {};
    const seconds = Math.floor(now() / 1_000);
    return { authorization: `Bearer ${signToken(authSecret, user, seconds, seconds + TOKEN_SECONDS)}` };
  }
}

/** A JWT as PROTOCOL.md wants it: HS256, claims `sub`, `iat` and `exp`. */
function signToken(secret: string, sub: string, iat: number, exp: number): string {
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub, iat, exp })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** Overload, a server that starts or drains, a store in trouble: it may be better in a moment. */
function isPassing(status: number): boolean {
  return status === 429 || status >= 500 || status === 421;
}

export function httpUrl(url: string): string {
  return url.replace(/^ws/, 'http').replace(/\/$/, '');
}

/** What `fetch` hides in the cause. */
function sayWhy(error: unknown): Error {
  const { message, cause } = error as Error;
  return new Error(cause instanceof Error && cause.message !== '' ? cause.message : message);
}
