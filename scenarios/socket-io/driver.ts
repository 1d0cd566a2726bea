/** How Plimsoll talks to the chat of server.mjs: through Socket.IO's own client, one Socket.IO connection a user. */
import { type CreateDriver, type DriverConnection, DriverError } from 'plimsoll/driver';
import { io, type Socket } from 'socket.io-client';

export const createDriver: CreateDriver = ({ target }, events) => {
  const sockets = new Set<Socket>();
  const open = (username: string, timeoutMs: number): Socket => {
    // The agent decides when to come back, and how often: that is part of what is tested.
    const options = { transports: ['websocket'], forceNew: true, reconnection: false, timeout: timeoutMs };
    return io(target, { ...options, auth: { username } });
  };

  return {
    name: 'socket-io',
    // Acknowledged is what the server has passed on. It tells nothing of what became of it, keeps nothing, and takes a repeat for new.
    capabilities: { acknowledges: true, receipts: false, resume: false, idempotent: false },

    prepare: () =>
      new Promise((resolve, reject) => {
        const socket = open('prepare', 5_000);
        socket.once('connect', () => {
          socket.disconnect();
          resolve();
        });
        socket.once('connect_error', (error) =>
          reject(new DriverError('server', `no Socket.IO server at ${target}: ${error.message}`)),
        );
      }),

    connect: ({ user, context, timeoutMs }) =>
      new Promise((resolve, reject) => {
        const socket = open(user, timeoutMs);
        sockets.add(socket);
        let ended = false;

        const connection: DriverConnection<typeof context> = {
          user,
          context,
          position: 0,
          send(to, id, body) {
            if (ended) return;
            // A copy: the client may not have written it yet when the agent uses the body for the next message.
            socket.emit('private message', { to, content: Buffer.from(body) }, () => {
              if (!ended) events.sent(connection, id);
            });
          },
          close(orderly) {
            ended = true;
            if (orderly) socket.disconnect();
            else socket.io.engine.close();
          },
        };

        socket.on('connect', () => resolve(connection));
        socket.on('connect_error', (error) => {
          sockets.delete(socket);
          reject(new DriverError('server', error.message, { final: error.message === 'invalid username' }));
        });
        socket.on('private message', ({ from, content }: { from: string; content: Uint8Array }) => {
          if (!ended) events.received(connection, from, content);
        });
        socket.on('disconnect', (reason) => {
          sockets.delete(socket);
          if (ended) return;
          ended = true;
          events.closed(connection, 1006, reason, true);
        });
      }),

    flush: () => {},

    async close() {
      for (const socket of sockets) socket.disconnect();
    },
  };
};
