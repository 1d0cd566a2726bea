/** Long polling: the timeline, entry by entry as on a WebSocket, for clients that can only ask and wait. */
import type { NodeSettings } from '../config.ts';
import { CLOSES, ERRORS } from '../protocol/errors.ts';
import { type Access, deviceId, grantedUser, loadUser, refuseWhileDraining, volumeOf } from './http-access.ts';
import type { HttpApi } from './http-api.ts';
import { pageLimit } from './http-history.ts';
import { HttpProblem, problemOf, storeProblem } from './http-problem.ts';
import type { HttpCall } from './http-request.ts';
import type { Status } from './http-status.ts';
import type { PollEnd } from './poll.ts';
import { PollSessions } from './poll-sessions.ts';

const LIMIT = { default: 100, most: 1_000 };
const TIMEOUT_MS = 25_000;
const RETRY_AFTER_MS = 1_000;

export interface PollOptions {
  settings: Pick<NodeSettings, 'pollGraceMs' | 'maxPollMs'>;
  /** ms since the epoch. */
  now: () => number;
}

export function servePolls(api: HttpApi, access: Access, { settings, now }: PollOptions): PollSessions {
  const sessions = new PollSessions(settings.pollGraceMs);
  api.get('/v1/poll', async (call) => {
    const { user: name, issuedAt, expiresAt } = grantedUser(call, access);
    const device = deviceId(call.query.has('device') ? call.query.text('device') : 'default');
    const after = call.query.integer('after');
    const limit = Math.max(pageLimit(call.query, LIMIT), 1);
    const asked = Math.min(call.query.integer('timeout') ?? TIMEOUT_MS, settings.maxPollMs);
    // Nothing is told any more when the token has expired.
    const timeoutMs = Math.max(Math.min(asked, expiresAt * 1_000 - now()), 0);
    const volume = volumeOf(call, access, 'user', name);
    refuseWhileDraining(volume);
    const user = await loadUser(volume, name);
    refuseWhileDraining(volume);
    if (call.aborted) return;
    const poll = sessions.begin({ volume, user, device, issuedAt, after, limit, timeoutMs }, (end) => {
      reply(call, end, name, user.committed);
    });
    // Nobody reads its answer; the device is away until it asks again.
    call.onAbort = () => poll.end({ type: 'replaced' });
  });
  return sessions;
}

function reply(call: HttpCall, end: PollEnd, user: string, head: number): void {
  if (end.type === 'answer') {
    const { after, reset, frames } = end;
    call.reply(200, { user, head, after, ...(reset === null ? null : { reset: { position: reset } }), frames });
  } else if (end.type === 'replaced') {
    call.replyProblem(new HttpProblem(409, 'another poll of this device has taken the place of this one'));
  } else if (end.type === 'unread') call.replyProblem(storeProblem());
  else if (end.entry === CLOSES.goingAway) call.replyProblem(problemOf(ERRORS.draining, RETRY_AFTER_MS));
  else {
    const status: Status = end.entry === CLOSES.tooManyConnections ? 429 : 401;
    call.replyProblem(new HttpProblem(status, end.entry.text, { code: end.entry.code }));
  }
}
