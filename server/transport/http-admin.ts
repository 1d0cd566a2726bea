/** What administrators may do over HTTP: revoke a user's tokens. Taken by the process that holds the user. */

import { ERRORS } from '../protocol/errors.ts';
import { type Access, refuseWhileDraining, userId, volumeOf } from './http-access.ts';
import type { HttpApi } from './http-api.ts';
import { HttpProblem, problemOf } from './http-problem.ts';

const MOST_BYTES = 4_096;
/** Clocks of who issues tokens and of this machine may differ; more is a mistake (milliseconds for seconds) that would lock the user out. */
const AHEAD_SECONDS = 300;
const RETRY_AFTER_MS = 1_000;

export function serveAdministration(api: HttpApi, access: Access, now: () => number): void {
  api.post('/v1/admin/revoke', async (call) => {
    const problem = access.authenticator.refuseAdministrator(call.token);
    if (problem !== null) throw new HttpProblem(401, problem);
    const fields = await call.json(MOST_BYTES);
    const user = userId('user', typeof fields.user === 'string' ? fields.user : '');
    const before = readBefore(fields.before, Math.floor(now() / 1_000));
    const volume = volumeOf(call, access, 'user', user);
    refuseWhileDraining(volume);
    if (!volume.commit.healthy) throw problemOf(ERRORS.tryLater, RETRY_AFTER_MS);
    await volume.revocations.revoke(user, before);
    call.reply(200, { user, before: volume.revocations.upTo(user) });
  });
}

/** Seconds since the epoch; default: now. */
function readBefore(before: unknown, nowSeconds: number): number {
  if (before === undefined) return nowSeconds;
  if (typeof before !== 'number' || !Number.isSafeInteger(before) || before < 0) {
    throw new HttpProblem(400, 'before must be a whole number of seconds since the epoch');
  }
  if (before > nowSeconds + AHEAD_SECONDS) {
    throw new HttpProblem(400, 'before lies in the future; it is in seconds since the epoch, not in milliseconds');
  }
  return before;
}
