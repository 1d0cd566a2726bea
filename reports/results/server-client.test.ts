/** Reaching a ClickHouse server, and every way in which that goes wrong: one sentence each, and no password in it. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createSocketServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ClickHouseServer, startClickHouse } from './clickhouse-server.suite.ts';
import { batchOf, gaugeRow, runStart } from './results-fixtures.suite.ts';
import type { ResultsError } from './results-store.ts';
import { openResultsStore } from './results-store-open.ts';
import { connectServer } from './server-client.ts';
import { queryRows, runCommand } from './store-client.ts';
import { TEST_CERTIFICATE, TEST_KEY } from './tls-certificate.suite.ts';

const PASSWORD = 'p@ss:w/ord%<&';

let server: ClickHouseServer;
let tls: Server;
let tlsUrl: string;
let folder: string;
let caFile: string;

beforeAll(async () => {
  server = await startClickHouse({
    users: [
      { name: 'writer', password: PASSWORD },
      { name: 'reader', password: PASSWORD, readOnly: true },
      { name: 'narrow', password: PASSWORD, grants: ['GRANT SELECT, INSERT ON elsewhere.*'] },
    ],
  });
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-tls-'));
  caFile = join(folder, 'ca.pem');
  await writeFile(caFile, TEST_CERTIFICATE);
  tls = createTlsServer({ cert: TEST_CERTIFICATE, key: TEST_KEY }, (socket) => {
    const plain = connect(server.port, '127.0.0.1');
    socket.pipe(plain).pipe(socket);
    for (const each of [socket, plain]) each.on('error', () => socket.destroy());
  });
  tls.on('tlsClientError', () => {});
  tlsUrl = `https://127.0.0.1:${await portOf(tls)}`;
});

afterAll(async () => {
  tls.close();
  await server.stop();
  await rm(folder, { recursive: true });
});

/** A URL of the server, or of `origin`, for this user. */
function urlOf(user: string, database = 'plimsoll', origin = server.url, password = PASSWORD): string {
  return `${origin.replace('//', `//${user}:${encodeURIComponent(password)}@`)}/${database}`;
}

/** Why opening fails, as a person reads it. */
async function refusal(url: string, environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const error: ResultsError = await openResultsStore(url, { environment }).then(
    async (store) => {
      await store.close();
      throw new Error(`${url} was opened`);
    },
    (thrown) => thrown,
  );
  expect(error.name).toBe('ResultsError');
  expect(error.message).not.toContain(PASSWORD);
  expect(error.message).not.toContain(encodeURIComponent(PASSWORD));
  expect(error.message).not.toMatch(/\n/);
  return `${error.code}: ${error.message}`;
}

describe('a server that is reached', () => {
  it('by a user with a password, over TLS whose authority is named', async () => {
    const url = urlOf('writer', 'over_tls', tlsUrl);
    const store = await openResultsStore(url, { environment: { PLIMSOLL_RESULTS_CA: caFile } });
    await store.startRun(runStart('a'));
    await store.write('a', batchOf({ gauges: [gaugeRow()] }));
    await store.close();
    const reader = await openResultsStore(urlOf('reader', 'over_tls'), { readOnly: true });
    expect(await reader.countRows('a')).toMatchObject({ gauges: 1 });
    expect((await reader.query('SELECT run_id FROM runs')).rows).toEqual([['a']]);
    await reader.close();
  });

  it('again after the server closed the idle connection', async () => {
    const place = { origin: server.url, database: 'idle', username: 'writer', password: PASSWORD };
    const store = await connectServer(place);
    await server.kill();
    await server.restart();
    expect(await queryRows(store, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await store.client.close();
  });
});

describe('a server that refuses', () => {
  it.each<[what: string, url: () => string, said: RegExp]>([
    [
      'a wrong password',
      () => urlOf('writer', 'x', server.url, 'wrong'),
      /^denied: ClickHouse at http:\/\/127\.0\.0\.1:\d+\/x refuses this user: writer: Authentication failed: .*\. Check user and password in --results\.$/,
    ],
    ['an unknown user', () => urlOf('nobody'), /^denied: .*Check user and password/],
    [
      'a user who may not make the database',
      () => urlOf('narrow'),
      /^denied: .*the grant CREATE DATABASE ON plimsoll.*Grant it that/,
    ],
    ['a user who may only read', () => urlOf('reader'), /^denied: .*Grant it that/],
  ])('%s', async (_, url, said) => {
    expect(await refusal(url())).toMatch(said);
  });

  it('to show a reader what he may not see', async () => {
    const opening = openResultsStore(urlOf('narrow'), { readOnly: true, environment: {} });
    await expect(opening).rejects.toMatchObject({
      code: 'empty',
      message: expect.stringMatching(/or this user may not see them/),
    });
  });

  it('a database of another program', async () => {
    const place = { origin: server.url, database: 'shop', username: 'writer', password: PASSWORD };
    const store = await connectServer(place);
    await runCommand(store, 'CREATE DATABASE shop');
    await runCommand(store, 'CREATE TABLE shop.invoices (id UInt64) ENGINE = MergeTree ORDER BY id');
    await store.client.close();
    expect(await refusal(urlOf('writer', 'shop'))).toMatch(/^foreign: .*another program's tables \(invoices\)/);
  });
});

describe('TLS', () => {
  it('with an authority that nobody named', async () => {
    expect(await refusal(urlOf('writer', 'x', tlsUrl))).toMatch(
      /^unreachable: The certificate of ClickHouse at .* is not trusted \(self-signed certificate\): name .* PLIMSOLL_RESULTS_CA/,
    );
  });

  it('with an authority that cannot be read, or is none', async () => {
    const missing = { PLIMSOLL_RESULTS_CA: join(folder, 'missing.pem') };
    expect(await refusal(tlsUrl, missing)).toMatch(/^invalid-url: PLIMSOLL_RESULTS_CA cannot be read: ENOENT/);
    const none = join(folder, 'none.pem');
    await writeFile(none, 'hello');
    expect(await refusal(tlsUrl, { PLIMSOLL_RESULTS_CA: none })).toMatch(/holds no certificate in PEM form/);
  });

  it('at a port without it', async () => {
    expect(await refusal(urlOf('writer', 'x', server.url.replace('http:', 'https:')))).toMatch(
      /^unreachable: What answers at .* does not speak TLS: write http:\/\//,
    );
  });

  it('not spoken at a port that wants it', async () => {
    expect(await refusal(urlOf('writer', 'x', tlsUrl.replace('https:', 'http:')))).toMatch(
      /^unreachable: .* does not answer \(.*\): .*, or write https:\/\/ if it wants TLS/,
    );
  });
});

describe('a server that is none, or not one of today', () => {
  const version = (text: string) => () =>
    createServer((request, response) => {
      request.resume();
      response.end(`{"version":"${text}"}\n`);
    });
  const exception = (code: number, text: string) => () =>
    createServer((request, response) => {
      request.resume();
      response.writeHead(500, { 'X-ClickHouse-Exception-Code': code }).end(`Code: ${code}. DB::Exception: ${text}\n`);
    });

  it.each<[what: string, listen: () => Server, said: RegExp]>([
    ['hangs up', () => createSocketServer((socket) => socket.destroy()), /^unreachable: .* does not answer/],
    [
      'speaks something else than HTTP',
      () => createSocketServer((socket) => socket.end('220 smtp ready\r\n')),
      /^unreachable: .* does not answer/,
    ],
    [
      'is another web server',
      () => createServer((_, response) => response.writeHead(404).end('Not Found')),
      /^unreachable: .* is not ClickHouse/,
    ],
    [
      'answers with a page',
      () => createServer((_, response) => response.end('<html>hello</html>')),
      /^unreachable: .* is not ClickHouse/,
    ],
    ['answers JSON of another kind', version('none'), /^unreachable: .* is not ClickHouse/],
    ['is of 2018', version('18.16.1'), /^foreign: .* is version 18\.16\.1; Plimsoll needs 24\.8 or newer/],
    ['is of 2021', version('21.8.15.7'), /^foreign: .* is version 21\.8\.15\.7; Plimsoll needs 24\.8 or newer/],
    ['is a few months too old', version('24.3.1.1'), /^foreign: .*24\.3\.1\.1; Plimsoll needs 24\.8/],
    [
      'has no room left',
      exception(243, 'Cannot reserve 1.00 MiB, not enough space. (NOT_ENOUGH_SPACE)'),
      /^unwritable: The disk that holds .* is full/,
    ],
    [
      'refuses at length',
      exception(516, 'default: Authentication failed\n\nIf you use a cloud\n\n. (AUTHENTICATION_FAILED)'),
      /^denied: .* refuses this user: default: Authentication failed\. Check user and password in --results\.$/,
    ],
    [
      'fails in a way of its own',
      exception(241, 'Memory limit (total) exceeded. (MEMORY_LIMIT_EXCEEDED)'),
      /^failed: .*Memory limit \(total\) exceeded\.$/,
    ],
  ])('%s', async (_, listen, said) => {
    const standIn = listen();
    const port = await portOf(standIn);
    try {
      const text = await refusal(urlOf('writer', 'load', `http://127.0.0.1:${port}`));
      expect(text).toMatch(said);
      expect(text).toContain(`127.0.0.1:${port}/load`);
    } finally {
      standIn.close();
    }
  });

  it('does not listen', async () => {
    const closed = createSocketServer();
    const port = await portOf(closed);
    closed.close();
    await once(closed, 'close');
    expect(await refusal(`http://127.0.0.1:${port}/load`)).toMatch(/^unreachable: .* does not answer \(.*ECONNREFUSED/);
  });

  it('stands still', async () => {
    server.pause();
    const place = { origin: server.url, database: 'x', username: 'writer', password: PASSWORD };
    try {
      await expect(connectServer(place, { greetingMs: 200 })).rejects.toMatchObject({
        code: 'unreachable',
        message: expect.stringMatching(/did not answer within 0\.2 s/),
      });
    } finally {
      server.resume();
    }
  });
});

async function portOf(listener: Server): Promise<number> {
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return (listener.address() as AddressInfo).port;
}
