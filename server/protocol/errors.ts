/**
 * The one registry of error and close codes.
 *
 * `definite`: the operation certainly did not happen (false: it may have). `reconnect`: what a client should do after a
 * close: `resume` (at once, with jitter), `later` (back off), `elsewhere` (follow the redirect), `never`.
 */

export interface ErrorEntry {
  code: number;
  name: string;
  definite: boolean;
  text: string;
}

export interface CloseEntry {
  code: number;
  name: string;
  reconnect: 'resume' | 'later' | 'elsewhere' | 'never';
  text: string;
}

export const ERRORS = {
  bodyTooLarge: { code: 1002, name: 'body-too-large', definite: true, text: 'the message body is larger than allowed' },
  tryLater: {
    code: 1004,
    name: 'try-later',
    definite: true,
    text: 'the store does not take messages now; repeat later',
  },
  idReused: {
    code: 1005,
    name: 'id-reused',
    definite: true,
    text: 'this client message id was used for another recipient',
  },
  draining: { code: 1006, name: 'draining', definite: true, text: 'the server is shutting down; reconnect and repeat' },
} as const satisfies Record<string, ErrorEntry>;

export const CLOSES = {
  goingAway: { code: 1001, name: 'going-away', reconnect: 'resume', text: 'the server is shutting down' },
  malformed: { code: 4400, name: 'malformed', reconnect: 'never', text: 'a frame could not be decoded' },
  unauthorised: {
    code: 4401,
    name: 'unauthorised',
    reconnect: 'never',
    text: 'the token is missing, wrong or expired',
  },
  redirected: { code: 4301, name: 'redirected', reconnect: 'elsewhere', text: 'this user lives on another server' },
  tooLarge: { code: 4413, name: 'too-large', reconnect: 'never', text: 'a frame is larger than allowed' },
  slowConsumer: {
    code: 4408,
    name: 'slow-consumer',
    reconnect: 'resume',
    text: 'the connection does not read fast enough',
  },
  internal: { code: 4500, name: 'internal', reconnect: 'later', text: 'the server failed' },
} as const satisfies Record<string, CloseEntry>;
