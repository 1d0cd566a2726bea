import uws from 'uWebSockets.js';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import type { DriverError } from './target-driver.ts';
import { WebSocketClient, type WebSocketConnection, type WebSocketConnectOptions } from './websocket-client.ts';
import { acceptFor } from './websocket-handshake.ts';

interface Seen {
  open: boolean;
  messages: string[];
  closed: { code: number; reason: string; error: DriverError | undefined } | undefined;
  onMessage?: (connection: WebSocketConnection<Seen>, data: Buffer) => void;
}

let client: WebSocketClient<Seen>;
let cleanups: Array<() => unknown>;

beforeEach(() => {
  let mask = 1;
  cleanups = [];
  client = new WebSocketClient<Seen>(
    {
      open: (c) => {
        c.context.open = true;
      },
      message: (c, data, binary) => {
        c.context.messages.push(`${binary ? 'b' : 't'}:${data.toString('latin1')}`);
        c.context.onMessage?.(c, data);
      },
      closed: (c, code, reason, error) => {
        expect(c.context.closed).toBeUndefined();
        c.context.closed = { code, reason, error };
      },
    },
    { nextMask: () => (mask = Math.imul(mask, 48_271) + 11), maxMessageBytes: 200_000, closeTimeoutMs: 200 },
  );
});

afterEach(async () => {
  await client.close();
  for (const cleanup of cleanups.reverse()) await cleanup();
});

function start(port: number, options: Partial<WebSocketConnectOptions> = {}): WebSocketConnection<Seen> {
  return client.connect(
    { host: '127.0.0.1', port, path: '/x', timeoutMs: 5000, ...options },
    { open: false, messages: [], closed: undefined },
  );
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 8000, interval: 5 });
const opened = async (c: WebSocketConnection<Seen>) => {
  await until(() => expect(c.context.open || c.context.closed).toBeTruthy());
  expect(c.context.closed?.error).toBeUndefined();
  return c;
};
const closed = async (c: WebSocketConnection<Seen>) => {
  await until(() => expect(c.context.closed).toBeDefined());
  return c.context.closed!;
};

/** The same tests against two servers that are not ours. */
interface EchoServer {
  port: number;
  /** Paths of upgrades seen. */
  paths: string[];
  received: string[];
}

describe.each([
  ['ws', startWs],
  ['uWebSockets.js', startUws],
])('against %s', (_name, startServer) => {
  let server: EchoServer;
  beforeEach(async () => {
    server = await startServer();
  });

  test('connects with path, subprotocol and headers', async () => {
    await opened(
      start(server.port, { path: '/v1/connect?user=a', protocol: 'plimsoll.v1', headers: { 'X-Test': '7' } }),
    );
    expect(server.paths).toEqual(['/v1/connect?user=a plimsoll.v1 7']);
  });

  test.each([0, 1, 125, 126, 127, 4096, 65_535, 65_536, 150_000])('echoes %i bytes', async (size) => {
    const c = await opened(start(server.port));
    const body = Buffer.alloc(size, 'abcdefg');
    c.send(body);
    c.send(body, false);
    await until(() => expect(c.context.messages).toHaveLength(2));
    expect(c.context.messages).toEqual([`b:${body.toString('latin1')}`, `t:${body.toString('latin1')}`]);
  });

  test('many messages keep their order and content, corked or not, on several connections', async () => {
    const list = await Promise.all([0, 1, 2].map(() => opened(start(server.port))));
    const expected: string[][] = [[], [], []];
    for (let i = 0; i < 300; i++) {
      if (i % 10 === 0) client.cork(list[0]!);
      for (const k of [0, 1, 2]) {
        const text = `${k}-${i}-${'x'.repeat((i * 7) % 400)}`;
        list[k]!.send(Buffer.from(text));
        expected[k]!.push(`b:${text}`);
      }
      if (i % 10 === 9) client.uncork();
    }
    await until(() => expect(list.map((c) => c.context.messages.length)).toEqual([300, 300, 300]));
    expect(list.map((c) => c.context.messages)).toEqual(expected);
  });

  test('what the kernel does not take at once arrives all the same', async () => {
    const c = await opened(start(server.port));
    const other = await opened(start(server.port));
    const bodies = Array.from({ length: 60 }, (_, i) => Buffer.alloc(150_000, `${i},`));
    for (const body of bodies) c.send(body);
    expect(c.bufferedBytes).toBeGreaterThan(0);
    other.send(Buffer.from('between'));
    await until(() => expect(c.context.messages).toHaveLength(60));
    expect(c.context.messages.every((m, i) => m === `b:${bodies[i]!.toString('latin1')}`)).toBe(true);
    await until(() => expect(other.context.messages).toEqual(['b:between']));
  });

  test('closes in order, with its code', async () => {
    const c = await opened(start(server.port));
    c.close(4000, 'done');
    expect(c.isOpen).toBe(false);
    c.send(Buffer.from('too late'));
    expect(await closed(c)).toEqual({ code: 4000, reason: expect.any(String), error: undefined });
    await until(() => expect(server.received).toContain('closed 4000'));
    expect(c.context.messages).toEqual([]);
  });

  test('is closed by the server, with its code', async () => {
    const c = await opened(start(server.port));
    c.send(Buffer.from('close me'));
    expect(await closed(c)).toEqual({ code: 4301, reason: 'elsewhere', error: undefined });
    expect(client.size).toBe(0);
  });

  test('breaks without a close frame', async () => {
    const c = await opened(start(server.port));
    c.destroy();
    expect(await closed(c)).toEqual({ code: 1006, reason: '', error: undefined });
    await until(() => expect(server.received).toContain('closed 1006'));
  });

  test('answers pings', async () => {
    const c = await opened(start(server.port));
    c.send(Buffer.from('ping me'));
    await until(() => expect(server.received).toContain('pong'));
  });

  test('an upgrade that is refused names the status', async () => {
    const c = start(server.port, { path: '/refuse' });
    const { error, code } = await closed(c);
    expect(code).toBe(1006);
    expect(error).toMatchObject({ side: 'server', message: expect.stringContaining('the server answered 401') });
  });
});

describe('paused', () => {
  const CHUNK = Buffer.alloc(65_536);

  /** A server that sends until the kernel takes no more; what it could not hand over is `waiting()`. */
  async function pouringServer() {
    let socket: Socket | undefined;
    const port = await rawServer((s, key) => {
      socket = s;
      s.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptFor(key)}\r\n\r\n`,
      );
    });
    const frame = Buffer.concat([Buffer.from('827f0000000000010000', 'hex'), CHUNK]);
    return {
      port,
      pour: () => {
        for (let i = 0; i < 200; i++) socket!.write(frame);
      },
      waiting: () => socket!.writableLength,
      end: () => socket!.end(),
    };
  }

  test('nothing is read, so that what the server sends piles up there; then all of it is', async () => {
    const server = await pouringServer();
    const c = await opened(start(server.port));
    c.setPaused(true);
    server.pour();
    // The kernel has taken what it can when nothing moves any more.
    let before = -1;
    await vi.waitFor(
      () => {
        const now = server.waiting();
        const still = now === before;
        before = now;
        expect(still).toBe(true);
      },
      { timeout: 8000, interval: 100 },
    );
    expect(server.waiting()).toBeGreaterThan(1_000_000);
    expect(c.context.messages).toEqual([]);
    c.setPaused(false);
    await until(() => expect(c.context.messages).toHaveLength(200));
    expect(server.waiting()).toBe(0);
  });

  test('from within a message, and closed without being resumed', async () => {
    const server = await pouringServer();
    const c = await opened(start(server.port));
    c.context.onMessage = () => c.setPaused(true);
    server.pour();
    await until(() => expect(c.context.messages.length).toBeGreaterThan(0));
    c.close();
    server.end();
    await closed(c);
    expect(c.context.messages.length).toBeLessThan(5);
  });
});

describe('byte by byte', () => {
  const head = (key: string, more = '') =>
    `HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nCONNECTION: keep-alive, Upgrade\r\nSec-WebSocket-Accept: ${acceptFor(key)}\r\n${more}\r\n`;
  const frames = Buffer.from('8203010203 89020708 0102 6869 8001 21 88 05 10cd 627965'.replaceAll(' ', ''), 'hex');
  const expected = { messages: ['b:\x01\x02\x03', 't:hi!'], closed: { code: 4301, reason: 'bye', error: undefined } };

  test('handshake and frames split at every byte', async () => {
    const port = await rawServer(async (socket, key) => {
      for (const byte of Buffer.concat([Buffer.from(head(key)), frames])) {
        socket.write(Buffer.from([byte]));
        await new Promise((resolve) => setImmediate(resolve));
      }
      socket.end();
    });
    const c = start(port);
    expect(await closed(c)).toEqual(expected.closed);
    expect(c.context.messages).toEqual(expected.messages);
  });

  test('handshake and frames in one piece', async () => {
    const port = await rawServer((socket, key) => {
      socket.end(Buffer.concat([Buffer.from(head(key)), frames]));
    });
    const c = start(port);
    expect(await closed(c)).toEqual(expected.closed);
    expect(c.context.messages).toEqual(expected.messages);
  });

  test('what is sent while reading leaves in one piece, masked', async () => {
    const chunks: Buffer[] = [];
    const port = await rawServer((socket, key) => {
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.write(
        Buffer.concat([Buffer.from(head(key)), Buffer.from('82016182016282016389 0170'.replaceAll(' ', ''), 'hex')]),
      );
    });
    const c = start(port);
    c.context.onMessage = (connection, data) => connection.send(data);
    await until(() => expect(chunks).toHaveLength(1));
    const reply = chunks[0]!;
    expect(reply).toHaveLength(4 * 7);
    expect([0, 7, 14, 21].map((at) => reply.toString('hex', at, at + 2))).toEqual(['8281', '8281', '8281', '8a81']);
    expect([0, 7, 14, 21].map((at) => String.fromCharCode(reply[at + 6]! ^ reply[at + 2]!))).toEqual([
      'a',
      'b',
      'c',
      'p',
    ]);
  });

  test.each([
    ['HTTP/1.1 200 OK\r\n\r\nhello', 'the server answered 200 OK: hello'],
    ['SSH-2.0-OpenSSH\r\n\r\n', 'the server did not answer in HTTP'],
    ['HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\n', 'the response has no "Upgrade: websocket"'],
    ['HTTP/1.1 101 X\r\nUpgrade: websocket\r\n\r\n', 'the response has no "Connection: Upgrade"'],
    [
      'HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n',
      'the response has a wrong Sec-WebSocket-Accept',
    ],
    ['x'.repeat(20_000), 'the handshake response is too long'],
  ])('the response %j is refused', async (response, message) => {
    const port = await rawServer((socket) => {
      socket.write(response);
    });
    const c = start(port);
    expect((await closed(c)).error).toMatchObject({ side: 'server', message });
    expect(c.context.open).toBe(false);
  });

  test.each([
    ['another subprotocol', 'Sec-WebSocket-Protocol: other\r\n', 'subprotocol "other" instead of "plimsoll.v1"'],
    ['no subprotocol', '', 'subprotocol "" instead of "plimsoll.v1"'],
    ['an extension', 'Sec-WebSocket-Extensions: permessage-deflate\r\n', 'an extension that was not offered'],
  ])('%s is refused', async (_name, header, message) => {
    const port = await rawServer((socket, key) => {
      socket.write(head(key, header));
    });
    const c = start(port, { protocol: 'plimsoll.v1' });
    expect((await closed(c)).error).toMatchObject({ side: 'server', message: expect.stringContaining(message) });
  });

  test.each([
    ['a masked frame', '8280 00000000', 1002],
    ['an oversized frame', '827f 0000000000100000', 1009],
    ['broken UTF-8', '8101 ff', 1007],
  ])('%s breaks the connection with a coded close', async (_name, hex, code) => {
    const received: Buffer[] = [];
    const port = await rawServer((socket, key) => {
      socket.on('data', (chunk) => received.push(chunk));
      socket.write(Buffer.concat([Buffer.from(head(key)), Buffer.from(hex.replaceAll(' ', ''), 'hex')]));
    });
    const c = start(port);
    const end = await closed(c);
    expect(end.code).toBe(1006);
    expect(end.error).toMatchObject({
      side: 'server',
      message: expect.stringContaining('broke the WebSocket protocol'),
    });
    await until(() => expect(Buffer.concat(received)).toHaveLength(8));
    const frame = Buffer.concat(received);
    expect(frame[0]).toBe(0x88);
    expect(((frame[6]! ^ frame[2]!) << 8) | (frame[7]! ^ frame[3]!)).toBe(code);
  });

  test('a server that never answers: the handshake times out', async () => {
    const port = await rawServer(() => {});
    const c = start(port, { timeoutMs: 100 });
    expect((await closed(c)).error).toMatchObject({ side: 'server', message: expect.stringContaining('in time') });
  });

  test('a server that hangs up during the handshake', async () => {
    const port = await rawServer((socket) => {
      socket.end('HTTP/1.1 101');
    });
    expect((await closed(start(port))).error).toMatchObject({
      side: 'server',
      message: `127.0.0.1:${port} closed the connection during the handshake`,
    });
  });

  test('a server that leaves a close frame unanswered is left after a while', async () => {
    const port = await rawServer((socket, key) => {
      socket.write(head(key));
    });
    const c = await opened(start(port));
    c.close();
    expect((await closed(c)).code).toBe(1006);
  });
});

test('nobody listens: the target is at fault', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const { error } = await closed(start(port));
  expect(error).toMatchObject({ side: 'server', message: `127.0.0.1:${port} could not be reached (ECONNREFUSED)` });
});

test.each(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'EAGAIN'])('%s is the generator’s fault', async (code) => {
  const port = await rawServer(() => {});
  const c = start(port);
  c.socket.destroy(Object.assign(new Error(code), { code }));
  expect((await closed(c)).error).toMatchObject({ side: 'generator', message: expect.stringContaining(`(${code})`) });
});

test('close while connecting, and close of the client', async () => {
  const port = await rawServer(() => {});
  const one = start(port);
  one.close();
  expect(await closed(one)).toEqual({ code: 1006, reason: '', error: undefined });
  start(port);
  await client.close();
  expect(client.size).toBe(0);
});

async function startWs(): Promise<EchoServer> {
  const server = new WebSocketServer({
    port: 0,
    host: '127.0.0.1',
    verifyClient: (info: { req: IncomingMessage }, done: (ok: boolean, code?: number) => void) =>
      done(info.req.url !== '/refuse', 401),
  });
  await once(server, 'listening');
  const echo: EchoServer = { port: (server.address() as AddressInfo).port, paths: [], received: [] };
  server.on('connection', (socket, request) => {
    echo.paths.push(`${request.url} ${socket.protocol} ${request.headers['x-test'] ?? ''}`);
    socket.on('message', (data: Buffer, binary) => {
      if (data.toString() === 'close me') socket.close(4301, 'elsewhere');
      else if (data.toString() === 'ping me') socket.ping('x');
      else socket.send(data, { binary });
    });
    socket.on('pong', () => echo.received.push('pong'));
    socket.on('error', () => {});
    socket.on('close', (code) => echo.received.push(`closed ${code}`));
  });
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return echo;
}

async function startUws(): Promise<EchoServer> {
  const echo: EchoServer = { port: 0, paths: [], received: [] };
  const app = uws.App();
  app.get('/refuse', (response) => {
    response.writeStatus('401 Unauthorized').end();
  });
  app.ws('/*', {
    maxPayloadLength: 1 << 20,
    maxBackpressure: 64 << 20,
    upgrade: (response, request, context) => {
      if (request.getUrl() === '/refuse') {
        response.writeStatus('401 Unauthorized').end();
        return;
      }
      const protocol = request.getHeader('sec-websocket-protocol');
      const query = request.getQuery();
      echo.paths.push(`${request.getUrl()}${query ? `?${query}` : ''} ${protocol} ${request.getHeader('x-test')}`);
      response.upgrade(
        {},
        request.getHeader('sec-websocket-key'),
        protocol,
        request.getHeader('sec-websocket-extensions'),
        context,
      );
    },
    message: (socket, data, binary) => {
      const text = Buffer.from(data).toString();
      if (text === 'close me') socket.end(4301, 'elsewhere');
      else if (text === 'ping me') socket.ping('x');
      else socket.send(data, binary);
    },
    pong: () => echo.received.push('pong'),
    close: (_socket, code) => echo.received.push(`closed ${code}`),
  });
  await new Promise<void>((resolve, reject) => {
    app.listen('127.0.0.1', 0, (token) => {
      if (!token) return reject(new Error('uWebSockets.js could not listen'));
      echo.port = uws.us_socket_local_port(token);
      resolve();
    });
  });
  cleanups.push(() => app.close());
  return echo;
}

/** A server that answers whatever it likes to the request; `key` is that of the request. */
async function rawServer(answer: (socket: Socket, key: string) => unknown): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', (request) => answer(socket, /Sec-WebSocket-Key: (\S+)/.exec(request.toString())![1]!));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}
