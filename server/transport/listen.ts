/**
 * Listening on a port that is ours alone, and ours again at once after a crash.
 *
 * The library's default lets a port be shared, silently; its exclusive option does not. But with port 0 it sets no
 * SO_REUSEADDR, and after a kill the connections that linger in TIME_WAIT would keep that port taken for a minute: so a free
 * port is found first and then asked for by number.
 */

import uWS from 'uWebSockets.js';
import { createServer } from 'node:net';

/** The fourth parameter is there, but missing in the library's types. */
interface ExclusiveListen {
  listen(host: string, port: number, options: number, done: (socket: uWS.us_listen_socket | false) => void): void;
}

const EXCLUSIVE_PORT = 1;
/** Between finding a port and asking for it somebody else may take it. */
const ATTEMPTS = 5;

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

/** Listens on all hosts at one port. Rejects with PortTakenError. `port` 0 picks a free one. */
export async function listen(app: uWS.TemplatedApp, hosts: [string, ...string[]], port: number): Promise<Listening> {
  if (port !== 0) return listenAt(app, hosts, port);
  for (let attempt = 1; ; attempt++) {
    try {
      return await listenAt(app, hosts, await freePort(hosts[0]));
    } catch (error) {
      if (attempt === ATTEMPTS || !(error instanceof PortTakenError)) throw error;
    }
  }
}

async function listenAt(app: uWS.TemplatedApp, hosts: string[], port: number): Promise<Listening> {
  const sockets: uWS.us_listen_socket[] = [];
  const stop = (): void => {
    for (const socket of sockets.splice(0)) uWS.us_listen_socket_close(socket);
  };
  for (const host of hosts) {
    const socket = await new Promise<uWS.us_listen_socket | false>((resolve) => {
      (app as unknown as ExclusiveListen).listen(host, port, EXCLUSIVE_PORT, resolve);
    });
    if (!socket) {
      stop();
      throw new PortTakenError(host, port);
    }
    sockets.push(socket);
  }
  return { port, stop };
}

function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(new Error(`can't listen on ${host}: ${error.message}`)));
    probe.listen(0, host, () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
