/** Listening on an exclusive port: by default the library would share a taken port silently. */
import uWS from 'uWebSockets.js';

/** Fourth parameter and constant are there, but missing in the library's types. */
interface ExclusiveListen {
  listen(host: string, port: number, options: number, done: (socket: uWS.us_listen_socket | false) => void): void;
}

const EXCLUSIVE_PORT = 1;

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

/** Rejects with PortTakenError. `port` 0 picks a free one. */
export function listen(app: uWS.TemplatedApp, host: string, port: number): Promise<Listening> {
  return new Promise((resolve, reject) => {
    (app as unknown as ExclusiveListen).listen(host, port, EXCLUSIVE_PORT, (socket) => {
      if (!socket) return reject(new PortTakenError(host, port));
      resolve({ port: uWS.us_socket_local_port(socket), stop: () => uWS.us_listen_socket_close(socket) });
    });
  });
}
