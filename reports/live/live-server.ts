/** Serves the live page: two addresses, nothing of the disk, no other site's scripts. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIP } from 'node:net';
import { EVENTS_TYPE, VIEWERS_MAX } from './live-viewers.ts';

/** Where the page is served. Port 0: any that is free. */
export interface LiveAddress {
  host: string;
  port: number;
}

/** The page can't be served there. One sentence. */
export class LiveAddressError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LiveAddressError';
  }
}

export interface LiveSource {
  /** The document as it is now. */
  page(): string;
  /** Takes the response over, or answers false: there are too many. */
  follow(response: ServerResponse): boolean;
}

/** Where a page that is served at every address of the machine is found on it; a container publishes its port there too. */
const REACHED_AT: Record<string, string> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

const CONNECTIONS_MAX = 64;
/** What was sent last has so long to reach those who look. */
const LINGER_MS = 1_000;

export class LiveServer {
  readonly url: string;
  #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /** Throws LiveAddressError. */
  static async start(address: LiveAddress, source: LiveSource): Promise<LiveServer> {
    const server = createServer((request, response) => {
      try {
        answer(address.host, source, request, response);
      } catch (error) {
        // A page is a courtesy: nothing that goes wrong with it may end a run.
        response.destroy(error as Error);
      }
    });
    server.maxConnections = CONNECTIONS_MAX;
    await new Promise<void>((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) => reject(addressError(address, error)));
      server.listen(address.port, address.host, resolve);
    });
    server.on('error', () => {});
    const { port } = server.address() as AddressInfo;
    return new LiveServer(server, `http://${hostInUrl(REACHED_AT[address.host] ?? address.host)}:${port}/`);
  }

  /** Resolves when nobody is connected any more: at once when what was sent last has arrived. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), LINGER_MS);
    await closed;
    clearTimeout(timer);
  }
}

function answer(host: string, source: LiveSource, request: IncomingMessage, response: ServerResponse): void {
  for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
  const path = request.url?.split('?')[0];
  if (!isOwnName(host, request.headers.host)) {
    refuse(response, 421, 'This page is not served under that name.');
  } else if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD');
    refuse(response, 405, 'This page can only be looked at.');
  } else if (path === '/') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(source.page());
  } else if (path !== '/events') {
    refuse(response, 404, 'There is nothing here; the live page is at /.');
  } else if (request.method === 'HEAD') {
    response.setHeader('content-type', EVENTS_TYPE);
    response.end();
  } else if (!source.follow(response)) {
    refuse(response, 503, `${VIEWERS_MAX} are looking already; close one of the pages.`);
  }
}

const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

function refuse(response: ServerResponse, status: number, sentence: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(`${sentence}\n`);
}

/**
 * A site that lets its name point at this machine (DNS rebinding) would come under that name. An IP address can't be made to
 * point elsewhere, so those that the page is reached by are all right.
 */
function isOwnName(host: string, header: string | undefined): boolean {
  if (header === undefined) return false;
  const name = header
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return name === 'localhost' || name === host.toLowerCase() || isIP(name) !== 0;
}

function addressError({ host, port }: LiveAddress, error: NodeJS.ErrnoException): LiveAddressError {
  const place = `${hostInUrl(host)}:${port}`;
  const reasons: Record<string, string> = {
    EADDRINUSE: 'something else listens there, perhaps another run; --live 0 takes any free port',
    EACCES: 'this user may not listen there; take a port from 1024 up',
    EADDRNOTAVAIL: 'this machine has no such address',
    ENOTFOUND: 'this machine has no such address',
  };
  const reason = reasons[error.code ?? ''] ?? error.message;
  return new LiveAddressError(`the live page can't be served at ${place}: ${reason}`, { cause: error });
}

function hostInUrl(host: string): string {
  return isIP(host) === 6 ? `[${host}]` : host;
}
