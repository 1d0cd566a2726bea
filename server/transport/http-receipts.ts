/** How far messages have come, for senders who do not hear receipts as they happen. */
import { type Access, authenticatedUser, fromStore, namedUsers, volumeOf } from './http-access.ts';
import type { HttpApi } from './http-api.ts';

export function serveReceipts(api: HttpApi, access: Access): void {
  api.get('/v1/receipts', async (call) => {
    const user = authenticatedUser(call, access);
    const peers = namedUsers(call, 'peers');
    const { receipts } = volumeOf(call, access, 'user', user);
    const positions = await fromStore(Promise.all(peers.map((peer) => receipts.deliveredTo(user, peer))));
    call.reply(200, {
      user,
      receipts: peers.flatMap((peer, i) => {
        const upTo = positions[i];
        return upTo === undefined ? [] : [{ type: 'receipt', state: 'delivered', peer, upTo }];
      }),
    });
  });
}
