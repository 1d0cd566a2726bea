/** What the answers to polls say. */
import { DriverError } from './target-driver.ts';

/** What of the JSON frames in an answer is used. */
export interface PollFrame {
  type: string;
  direction: 'in' | 'out';
  peer: string;
  seq: number;
  group?: string;
  body?: string;
  bodyBase64?: string;
  state: string;
  upTo: number;
}

/** An answer that is no success, as an error. What a client can't change by asking again is final. */
export function refusal(status: number, body: Record<string, unknown>): DriverError {
  const text = `the server answered ${status}: ${String(body.error ?? 'without a reason')}`;
  return new DriverError('server', text, { final: status === 400 || status === 401 || status === 404 });
}
