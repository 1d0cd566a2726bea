/** Groups over HTTP: what a group is, making one, and its history. On the group's own shard, but for the list of a user's groups. */
import { ROLE_NAMES } from '../messenger/group-object.ts';
import { groupOwner } from '../messenger/owners.ts';
import { logicalShard } from '../shard-map.ts';
import { PROPERTY } from '../store/properties.ts';
import { type Access, authenticatedUser, fromStore, groupId, volumeOf } from './http-access.ts';
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
import { pageLimit, type Read, rangeOf, readPage, replyEntries } from './http-history.ts';
import { HttpProblem } from './http-problem.ts';

export function serveGroups(api: HttpApi, access: Access): void {
  api.post('/v1/groups', async (call) => {
    const user = authenticatedUser(call, access);
    const { group: name, open = false, users } = await call.json(GROUP_BODY_BYTES);
    if (typeof open !== 'boolean') throw new HttpProblem(400, 'open must be true or false');
    const others = userList(users ?? []);
    const group = groupId(typeof name === 'string' ? name : '');
    const volume = volumeOf(call, access, 'group', group);
    call.reply(201, await act(volume, user, group, 'create', others, open));
  });

  api.get('/v1/groups', async (call) => {
    const user = authenticatedUser(call, access);
    const { store } = volumeOf(call, access, 'user', user);
    const query = { ...pageAfter(call), limit: pageLimit(call.query, NAMES_LIMIT) };
    const rows = await fromStore(store.properties(logicalShard(user), user, PROPERTY.membership, query));
    const groups = rows.map(({ name, value }) => ({ group: name, role: ROLE_NAMES[value[0]!] }));
    call.reply(200, { user, groups });
  });

  api.get('/v1/groups/{group}', async (call) => {
    const { user, group, volume } = groupCall(call, access);
    call.reply(200, await act(volume, user, group, 'info'));
  });

  api.get('/v1/groups/{group}/messages', async (call) => {
    const { user, group, volume } = groupCall(call, access);
    const range = rangeOf(call.query);
    await requireMember(volume, user, group);
    const shard = logicalShard(group);
    const read: Read = (part) => volume.store.timeline(shard, groupOwner(group), part);
    replyEntries(call, { group }, await readPage(read, range));
  });
}
