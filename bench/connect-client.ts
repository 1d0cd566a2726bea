/**
 * Opens many connections, so many at a time, and holds them. Either as Plimsoll's agents do, with the reference driver
 * (token, handshake checked, user welcomed), or as simply as can be: a socket that writes the upgrade request and waits for
 * the `101`. Started by `fork`, ends with its parent, and its connections with it.
 */
import { connect, type Socket } from 'node:net';
import { createReferenceDriver } from '../loadgen/drivers/target-driver-reference.ts';

export interface ConnectOptions {
  how: 'driver' | 'socket';
  /** The router's address for the driver; the ports of all servers for bare sockets. */
  target: string;
  ports: number[];
  authSecret: string;
  prefix: string;
  connections: number;
  inFlight: number;
}

export type ToConnectClient = { type: 'prepare'; options: ConnectOptions } | { type: 'open' };
export type FromConnectClient =
  | { type: 'prepared' }
  | { type: 'opened'; connections: number }
  | { type: 'failed'; message: string };

/** Opens the connection of the given number. */
type Open = (index: number) => Promise<unknown>;

const TIMEOUT_MS = 60_000;
/** As many as the driver uses. */
const LOOPBACK_ADDRESSES = 8;

/**
 * By driver, or by bare sockets that take turns at the servers and their loopback addresses, as the driver does: towards one
 * address and port, Linux searches ever longer for a free local port once 14,000 of them are taken.
 */
async function openerOf(options: ConnectOptions): Promise<Open> {
  if (options.how === 'socket') {
    const { ports } = options;
    return (index) => openSocket(`127.0.0.${2 + (index % LOOPBACK_ADDRESSES)}`, ports[index % ports.length]!);
  }
  const driver = createReferenceDriver<undefined>(
    { target: options.target, authSecret: options.authSecret },
    {
      sent: () => {},
      sendFailed: () => {},
      received: () => {},
      delivered: () => {},
      closed: (_connection, code, reason) => fail(`a connection was lost: ${code} ${reason}`),
    },
  );
  await driver.prepare();
  return (index) =>
    driver.connect({ user: `${options.prefix}${index}`, device: 'bench', context: undefined, timeoutMs: TIMEOUT_MS });
}

function openSocket(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    socket.on('error', reject);
    socket.once('connect', () => {
      socket.write(
        `GET / HTTP/1.1\r\nHost: ${host}:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n',
        'latin1',
      );
    });
    socket.once('data', (data) => {
      if (data.toString('latin1', 9, 12) === '101') resolve(socket);
      else reject(new Error(`the bare server answered ${data.toString('latin1', 0, 40)}`));
    });
  });
}

async function openAll(options: ConnectOptions, open: Open): Promise<void> {
  let next = 0;
  const openSome = async (): Promise<void> => {
    while (next < options.connections) await open(next++);
  };
  await Promise.all(Array.from({ length: options.inFlight }, openSome));
}

let options: ConnectOptions;
let open: Open;

process.on('message', (message: ToConnectClient) => {
  if (message.type === 'prepare') {
    options = message.options;
    openerOf(options).then(
      (opener) => {
        open = opener;
        tell({ type: 'prepared' });
      },
      (error: Error) => fail(error.message),
    );
  } else {
    openAll(options, open).then(
      () => tell({ type: 'opened', connections: options.connections }),
      (error: Error) => fail(error.message),
    );
  }
});
process.on('disconnect', () => process.exit());

function fail(message: string): void {
  tell({ type: 'failed', message });
}

function tell(message: FromConnectClient): void {
  // The parent may be ending this process: then nobody listens, and that is no error.
  if (process.connected) process.send!(message, () => {});
}
