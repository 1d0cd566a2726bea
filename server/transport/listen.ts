/**
 * Listening on a port that is ours alone, and ours again at once after a crash.
 *
 * The library's exclusive option is not it: a listener made with it can't be bound again for a minute after its process was
 * killed with connections open (they linger in TIME_WAIT, and without SO_REUSEADDR they count). Its default lets a port be
 * shared, silently. So: the default, after making sure that nobody answers there.
 */
import { connect } from 'node:net';
import uWS from 'uWebSockets.js';

export interface Listening {
  port: number;
  /** Stop accepting; open connections stay. */
  stop(): void;
}

export class PortTakenError extends Error {
  readonly code = 'EADDRINUSE';
  constructor(host: string, port: number) {
    super(`port ${port} on ${host} is taken or not allowed; choose another with --port, or 0 for any free one`);
    this.name = 'PortTakenError';
  }
}

/** Listens on the first host, then on the others at the same port. Rejects with PortTakenError. `port` 0 picks a free one. */
export async function listen(app: uWS.TemplatedApp, hosts: [string, ...string[]], port: number): Promise<Listening> {
  const [first, ...others] = hosts;
  const sockets = [await listenOn(app, first, port)];
  const chosen = uWS.us_socket_local_port(sockets[0]!);
  for (const host of others) sockets.push(await listenOn(app, host, chosen));
  return {
    port: chosen,
    stop: () => {
      for (const socket of sockets) uWS.us_listen_socket_close(socket);
    },
  };
}

async function listenOn(app: uWS.TemplatedApp, host: string, port: number): Promise<uWS.us_listen_socket> {
  if (port !== 0) await checkFree(host, port);
  return new Promise((resolve, reject) => {
    app.listen(host, port, (socket) => {
      if (socket) resolve(socket);
      else reject(new PortTakenError(host, port));
    });
  });
}

function checkFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = connect(port, host === '0.0.0.0' || host === '::' ? 'localhost' : host);
    probe.once('error', () => resolve());
    probe.once('connect', () => {
      probe.destroy();
      reject(new PortTakenError(host, port));
    });
  });
}
