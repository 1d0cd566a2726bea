/** Members of a group over HTTP: who they are, adding and removing, joining and leaving, roles. */
import { ROLE_NAMES } from '../messenger/group-object.ts';
import { type Access, fromStore, userId } from './http-access.ts';
import type { HttpApi } from './http-api.ts';
import {
  act,
  GROUP_BODY_BYTES,
  groupCall,
  NAMES_LIMIT,
  pageAfter,
  requireMember,
  userList,
} from './http-group-actions.ts';
import { pageLimit } from './http-history.ts';
import { HttpProblem } from './http-problem.ts';

const ROLE_BODY_BYTES = 1_024;

export function serveGroupMembers(api: HttpApi, access: Access): void {
  api.get('/v1/groups/{group}/members', async (call) => {
    const { user, group, volume } = groupCall(call, access);
    const limit = pageLimit(call.query, NAMES_LIMIT);
    const { after } = pageAfter(call);
    await requireMember(volume, user, group);
    const rows = await fromStore(volume.groups.members(group, after, limit));
    call.reply(200, { group, members: rows.map(({ user, role }) => ({ user, role: ROLE_NAMES[role] })) });
  });

  api.post('/v1/groups/{group}/members', async (call) => {
    const { user, group, volume } = groupCall(call, access);
    const { users } = await call.json(GROUP_BODY_BYTES);
    const added = userList(users);
    if (added.length === 0) throw new HttpProblem(400, 'users is empty');
    const joins = added.length === 1 && added[0] === user;
    call.reply(200, joins ? await act(volume, user, group, 'join') : await act(volume, user, group, 'add', added));
  });

  api.delete('/v1/groups/{group}/members/{member}', async (call) => {
    const { user, group, volume } = groupCall(call, access);
    const member = userId('member', call.parameter('member'));
    const leaves = member === user;
    call.reply(
      200,
      leaves ? await act(volume, user, group, 'leave') : await act(volume, user, group, 'remove', [member]),
    );
  });

  api.put('/v1/groups/{group}/members/{member}/role', async (call) => {
    const { user, group, volume } = groupCall(call, access);
    const member = userId('member', call.parameter('member'));
    const { role } = await call.json(ROLE_BODY_BYTES);
    if (role !== 'owner' && role !== 'member') throw new HttpProblem(400, 'role must be owner or member');
    call.reply(200, await act(volume, user, group, role === 'owner' ? 'promote' : 'demote', [member]));
  });
}
