/** What the group endpoints share: the group and the user of a request, acting on it, fields of bodies. */
import type { Volume } from '../messenger/volume.ts';
import { isUserId } from '../protocol/codec.ts';
import { ERRORS } from '../protocol/errors.ts';
import { type GroupAction, type GroupState, LIMITS } from '../protocol/messages.ts';
import { type Access, authenticatedUser, fromStore, groupId, volumeOf } from './http-access.ts';
import { HttpProblem, problemOf } from './http-problem.ts';
import type { HttpCall } from './http-request.ts';

export const GROUP_BODY_BYTES = 128 * 1024;
/** Names of a page. */
export const NAMES_LIMIT = { default: 100, most: 1_000 };
const RETRY_AFTER_MS = 1_000;
const TEMPORARY: number[] = [ERRORS.tryLater.code, ERRORS.draining.code, ERRORS.noAnswer.code];

/** What all requests about one group begin with. */
export function groupCall(call: HttpCall, access: Access): { user: string; group: string; volume: Volume } {
  const group = groupId(call.parameter('group'));
  const user = authenticatedUser(call, access);
  return { user, group, volume: volumeOf(call, access, 'group', group) };
}

/** Do something with a group of this volume; what it is to the user then. */
export async function act(
  volume: Volume,
  user: string,
  group: string,
  action: GroupAction,
  users: string[] = [],
  open = false,
): Promise<Omit<GroupState, 'type' | 'id'>> {
  const answer = await volume.groups.execute(user, { type: 'group', id: 0, action, group, open, users });
  if ('error' in answer) {
    throw problemOf(answer.error, TEMPORARY.includes(answer.error.code) ? RETRY_AFTER_MS : 0);
  }
  const { role, members, head } = answer;
  return { group, role, members, head };
}

/** Refuses who is not in the group, and says when there is none. */
export async function requireMember(volume: Volume, user: string, group: string): Promise<void> {
  if ((await fromStore(volume.groups.roleOf(group, user))) > 0) return;
  const object = await fromStore(volume.groups.object(group));
  throw problemOf(object === undefined ? ERRORS.noSuchGroup : ERRORS.notMember);
}

/** Where a page of names begins: behind this one. */
export function pageAfter(call: HttpCall): { after?: string } {
  const after = call.query.text('after');
  return after === '' ? {} : { after };
}

/** Users named in a body. */
export function userList(value: unknown): string[] {
  if (!Array.isArray(value)) throw new HttpProblem(400, 'users must be an array of user ids');
  if (value.length > LIMITS.namedUsers) throw new HttpProblem(400, `users may name ${LIMITS.namedUsers} at most`);
  for (const user of value) {
    if (typeof user !== 'string' || !isUserId(user)) {
      throw new HttpProblem(400, 'users has something that is not a user id');
    }
  }
  return value as string[];
}
