/** HTTP statuses, and which of them each protocol error is told by. */
import { ERRORS } from '../protocol/errors.ts';

export const STATUS_TEXT = {
  101: 'Switching Protocols',
  200: 'OK',
  201: 'Created',
  204: 'No Content',
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  421: 'Misdirected Request',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
} as const;

export type Status = keyof typeof STATUS_TEXT;

/** Definite errors are 4xx or 503; what is told by 504 may have happened all the same, or may happen yet. */
export const STATUS_OF_ERROR: Record<keyof typeof ERRORS, Status> = {
  bodyTooLarge: 413,
  tryLater: 503,
  idReused: 409,
  draining: 503,
  noAnswer: 504,
  deadLetter: 504,
  rateLimited: 429,
  idTooOld: 409,
  notMember: 403,
  noSuchGroup: 404,
  groupExists: 409,
  groupFull: 409,
  notAllowed: 403,
  lastOwner: 409,
  tooManySubscriptions: 429,
};

const BY_CODE = new Map<number, Status>(
  Object.entries(ERRORS).map(([name, { code }]) => [code, STATUS_OF_ERROR[name as keyof typeof ERRORS]]),
);

/** The status that tells a protocol error of this code. */
export function statusOfError(code: number): Status {
  return BY_CODE.get(code) ?? 500;
}
