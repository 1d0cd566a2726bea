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
  noAnswer: {
    code: 1007,
    name: 'no-answer',
    definite: false,
    text: 'another shard did not answer in time; it may have happened, so ask or repeat',
  },
  deadLetter: {
    code: 1008,
    name: 'dead-letter',
    definite: false,
    text: 'the message could not be stored in time; it is kept in the dead-letter log and may still be sent, so repeat it with the same id only',
  },
  rateLimited: { code: 1009, name: 'rate-limited', definite: true, text: 'too much at once; repeat later' },
  idTooOld: {
    code: 1010,
    name: 'id-too-old',
    definite: false,
    text: 'what became of this client message id is not kept any more; use higher ids',
  },
  notMember: { code: 1011, name: 'not-a-member', definite: true, text: 'the user is not a member of this group' },
  noSuchGroup: { code: 1012, name: 'no-such-group', definite: true, text: 'there is no group of this id' },
  groupExists: { code: 1013, name: 'group-exists', definite: true, text: 'there is a group of this id already' },
  groupFull: { code: 1014, name: 'group-full', definite: true, text: 'the group has as many members as are allowed' },
  notAllowed: { code: 1015, name: 'not-allowed', definite: true, text: 'only an owner of the group may do this' },
  lastOwner: {
    code: 1016,
    name: 'last-owner',
    definite: true,
    text: 'the group would be left without an owner; make another member an owner first',
  },
  tooManySubscriptions: {
    code: 1017,
    name: 'too-many-subscriptions',
    definite: true,
    text: 'this connection watches as many users as are allowed',
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
  tokenExpired: {
    code: 4402,
    name: 'token-expired',
    reconnect: 'later',
    text: 'the token has expired; connect with a new one',
  },
  revoked: { code: 4403, name: 'revoked', reconnect: 'never', text: 'the token was revoked' },
  tooManyConnections: {
    code: 4429,
    name: 'too-many-connections',
    reconnect: 'later',
    text: 'the user has opened more connections than are allowed; the oldest is closed',
  },
  flooding: {
    code: 4430,
    name: 'flooding',
    reconnect: 'later',
    text: 'the client goes on sending far more than is allowed',
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
