/** What went wrong with a request, as its client is told: a status, one sentence, and what a program can act on. */
import type { ErrorEntry } from '../protocol/errors.ts';
import { type Status, statusOfError } from './http-status.ts';

export interface ProblemDetails {
  /** Of the protocol (errors.ts): an error code, or the close code that a WebSocket would have got. */
  code?: number;
  /** Repeat not before; also told by the header `Retry-After`, in seconds. */
  retryAfterMs?: number;
  /** Where the user or the group lives (421). */
  url?: string;
}

/** Thrown by handlers; HttpApi answers with it. */
export class HttpProblem extends Error {
  readonly status: Status;
  readonly details: ProblemDetails;

  constructor(status: Status, sentence: string, details: ProblemDetails = {}) {
    super(sentence);
    this.name = 'HttpProblem';
    this.status = status;
    this.details = details;
  }

  get body(): object {
    return { error: this.message, ...this.details };
  }
}

/** The problem that a protocol error is over HTTP. */
export function problemOf(error: Pick<ErrorEntry, 'code' | 'text'>, retryAfterMs = 0): HttpProblem {
  const wait = retryAfterMs > 0 ? { retryAfterMs } : {};
  return new HttpProblem(statusOfError(error.code), error.text, { code: error.code, ...wait });
}

/** What a store that can't be read is to the client. */
export function storeProblem(): HttpProblem {
  return new HttpProblem(503, 'the store does not answer now; repeat later', { retryAfterMs: 1_000 });
}
