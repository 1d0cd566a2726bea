/** Who is online, asked over HTTP: the same as a `pull` on a WebSocket. */
import { type Access, authenticatedUser, namedUsers, volumeOf } from './http-access.ts';
import type { HttpApi } from './http-api.ts';

export function servePresence(api: HttpApi, access: Access): void {
  api.get('/v1/presence', async (call) => {
    const user = authenticatedUser(call, access);
    const names = namedUsers(call, 'users');
    const { presence } = volumeOf(call, access, 'user', user);
    call.reply(200, { users: await presence.pull(names) });
  });
}
