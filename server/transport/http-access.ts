/** Who asks, and whether he is at the right place: what all requests of users begin with. */

import type { UserState } from '../messenger/user-state.ts';
import type { Volume } from '../messenger/volume.ts';
import { isDeviceId, isGroupId } from '../protocol/codec.ts';
import { ERRORS } from '../protocol/errors.ts';
import { LIMITS } from '../protocol/messages.ts';
import type { Authenticator, Grant } from './authentication.ts';
import { HttpProblem, problemOf, storeProblem } from './http-problem.ts';
import type { HttpCall } from './http-request.ts';
import { type Route, userProblem } from './websocket.ts';

export interface Access {
  authenticator: Authenticator;
  route: Route;
}

const RETRY_AFTER_MS = 1_000;

/** The user that the query names, who has proved to be it. */
export function authenticatedUser(call: HttpCall, access: Access): string {
  return grantedUser(call, access).user;
}

/** The same, with what his token says. */
export function grantedUser(call: HttpCall, access: Access): Grant & { user: string } {
  const user = userId('user', call.query.text('user'));
  const granted = access.authenticator.admit(user, call.token);
  if ('problem' in granted) throw new HttpProblem(401, granted.problem, { code: granted.close.code });
  return { user, ...granted };
}

/** The volume of a user or a group; throws with its address when another process has it. */
export function volumeOf(call: HttpCall, access: Access, what: 'user' | 'group', name: string): Volume {
  const volume = access.route(name, call.host);
  if (typeof volume !== 'string') return volume;
  if (volume !== '') throw new HttpProblem(421, `this ${what} lives elsewhere`, { url: volume });
  throw new HttpProblem(503, `the server of this ${what} is not up yet; repeat later`, {
    retryAfterMs: RETRY_AFTER_MS,
  });
}

/** The state of a user of this volume. */
export async function loadUser(volume: Volume, name: string): Promise<UserState> {
  return volume.users.get(name) ?? fromStore(volume.users.load(name));
}

/** Waits for a read; a store that fails is a problem with a name. */
export function fromStore<T>(reading: Promise<T>): Promise<T> {
  return reading.catch(() => {
    throw storeProblem();
  });
}

export function refuseWhileDraining(volume: Volume): void {
  if (volume.draining) throw problemOf(ERRORS.draining, RETRY_AFTER_MS);
}

export function userId(what: string, name: string): string {
  const problem = userProblem(what, name);
  if (problem !== null) throw new HttpProblem(400, problem);
  return name;
}

/** A list of users in the query. */
export function namedUsers(call: HttpCall, what: string): string[] {
  const users = call.query.list(what).map((name) => userId(what, name));
  if (users.length > LIMITS.namedUsers) throw new HttpProblem(400, `${what} may name ${LIMITS.namedUsers} at most`);
  return users;
}

export function groupId(name: string): string {
  if (isGroupId(name)) return name;
  throw new HttpProblem(400, `group must be 1 to ${LIMITS.groupIdBytes} bytes of UTF-8 without control characters`);
}

export function deviceId(name: string): string {
  if (isDeviceId(name)) return name;
  throw new HttpProblem(400, `device must be 1 to ${LIMITS.deviceIdBytes} bytes without control characters`);
}
