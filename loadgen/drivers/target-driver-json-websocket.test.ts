import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { cleanUp, startTestNode, type TestNode } from '../../server/testing/test-node.ts';
import { startTinyChat, type TinyChat } from '../testing/tiny-chat.ts';
import { absoluteDriverName, loadDriver } from './driver-loader.ts';
import { type JsonServer, parseDescription } from './json-websocket-config.ts';
import { describeTargetDriver } from './target-driver.suite.ts';
import type { CreateDriver, DriverEvents } from './target-driver.ts';
import { jsonWebSocketDriver } from './target-driver-json-websocket.ts';

const PLIMSOLL = `json-websocket:${join(import.meta.dirname, 'examples', 'plimsoll.json')}`;

const TINY: JsonServer = {
  login: { op: 'auth', d: { name: '{user}' } },
  welcome: { when: { op: 'ready' } },
  refused: { when: { op: 'denied' }, reason: 'd.why' },
  send: { op: 'say', d: { to: '{to}', ref: 'r-{id}', text: '{body}' } },
  body: 'latin1',
  received: { when: { op: 'said' }, from: 'd.by', body: 'd.text' },
  acknowledged: { when: { op: 'ok' }, id: 'd.ref' },
  failed: { when: { op: 'no' }, id: 'd.ref', reason: 'd.why', retryable: true, retryAfterMs: 'd.wait' },
  answers: [{ when: { op: 'alive?' }, send: { op: 'alive', d: { name: '{user}' } } }],
  keepAlive: { send: { op: 'here', d: { name: '{user}' } }, every: '20ms' },
};

describe('against a reference node in JSON mode, of two processes', () => {
  let node: TestNode;
  let createDriver: CreateDriver;
  beforeAll(async () => {
    createDriver = await loadDriver(PLIMSOLL);
    node = await startTestNode({ shards: 2, authSecret: 'a secret for tests' });
  });
  afterAll(cleanUp);

  describeTargetDriver('json-websocket, reference', async () => ({
    createDriver,
    options: { target: `ws://127.0.0.1:${node.port}`, authSecret: 'a secret for tests' },
    stop: () => {},
  }));
});

describeTargetDriver('json-websocket, another dialect', async () => {
  const server = await startTinyChat();
  return {
    createDriver: jsonWebSocketDriver(parseDescription(TINY)),
    options: { target: server.url },
    disconnect: (user) => server.disconnect(user),
    stop: () => server.stop(),
  };
});

describe('with a dialect of its own', () => {
  const cleanups: Array<() => unknown> = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function setUp(changes: Partial<JsonServer> = {}, server?: TinyChat) {
    const chat = server ?? (await startTinyChat({ curious: true }));
    cleanups.push(() => chat.stop());
    const lines: string[] = [];
    const events: DriverEvents<string> = {
      sent: (c, id) => lines.push(`${c.user} sent ${id}`),
      sendFailed: (c, id, reason, retryable, ms) => lines.push(`${c.user} failed ${id} ${reason} ${retryable} ${ms}`),
      received: (c, from, body) => lines.push(`${c.user} received ${from} ${Buffer.from(body).toString('hex')}`),
      delivered: (c, id) => lines.push(`${c.user} delivered ${id}`),
      closed: (c, code, reason, resumable) => lines.push(`${c.user} closed ${code} ${reason} ${resumable}`),
    };
    const driver = jsonWebSocketDriver(parseDescription({ ...TINY, ...changes }))<string>({ target: chat.url }, events);
    cleanups.push(() => driver.close());
    await driver.prepare();
    const connect = (user: string) => driver.connect({ user, device: 'd', context: user, timeoutMs: 300 });
    return { chat, connect, lines };
  }
  const until = (check: () => void) => vi.waitFor(check, { timeout: 8000, interval: 5 });

  it.each(['latin1', 'base64'] as const)('every byte survives as %s', async (body) => {
    const { connect, lines } = await setUp({ body });
    const a = await connect('a');
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    a.send('a', 1, bytes);
    await until(() => expect(lines).toContain(`a received a ${bytes.toString('hex')}`));
  });

  it('a refused message says why, whether to try again, and when', async () => {
    const { connect, lines } = await setUp();
    const a = await connect('a');
    a.send('who', 17, Buffer.from('x'));
    await until(() => expect(lines).toEqual(['a failed 17 never heard of them true 50']));
  });

  it('questions are answered, and signs of life given', async () => {
    const { chat, connect } = await setUp();
    await connect('a');
    await until(() => expect(chat.heard).toContain('{"op":"alive","d":{"name":"a"}}'));
    await until(() => expect(chat.heard.filter((frame) => frame.includes('here')).length).toBeGreaterThan(1));
  });

  it('a refused user is told why, for good', async () => {
    const { connect } = await setUp();
    const message = 'the server refused user "nobody": no such account';
    await expect(connect('nobody')).rejects.toMatchObject({ side: 'server', final: true, message });
  });

  it('a server that never welcomes is given up in time', async () => {
    const { connect } = await setUp({ welcome: { when: { op: 'come in' } } });
    await expect(connect('a')).rejects.toMatchObject({ side: 'server', message: 'the server did not answer in time' });
  });

  it('a frame that lacks what the description says it has ends the connection with that sentence', async () => {
    const { connect, lines } = await setUp({ acknowledged: { when: { op: 'ok' }, id: 'd.id' } });
    const a = await connect('a');
    a.send('a', 1, Buffer.from('x'));
    const sentence =
      'the description does not fit the server: a frame has no whole number as id at "d.id": {"op":"ok","d":{"ref":"r-1"}}';
    await until(() => expect(lines.at(-1)).toBe(`a closed 1002 ${sentence} false`));
  });
});

describe('a description', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plimsoll-description-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const load = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return loadDriver(absoluteDriverName(`json-websocket:${name}`, folder));
  };

  it('may be a module', async () => {
    await load('tiny.ts', `export default ${JSON.stringify(TINY)} as const;`);
  });

  const { send, received } = TINY;
  it.each<[string, unknown, string]>([
    ['is no object', 'x', 'a server’s description must be an object, not "x"'],
    ['lacks what it needs', { received }, '"send" is missing'],
    [
      'has a field that does not exist',
      { ...TINY, welcom: 1 },
      '"welcom" is not a field of a server’s description; did you mean "welcome"?',
    ],
    [
      'has one in a part of it',
      { ...TINY, welcome: { when: { a: 1 }, x: 1 } },
      '"welcome.x" is not a field of "welcome"',
    ],
    [
      'has an unknown placeholder',
      { ...TINY, login: { name: '{usr}' } },
      '"login" has the placeholder {usr}, which has no meaning there; did you mean "user"?',
    ],
    ['sends no body', { received, send: { to: '{to}' } }, '"send" must have {to} and {body} in it'],
    ['speaks over TLS', { ...TINY, url: 'wss://x' }, '"url" must begin with ws:// or {target}, not "wss://x"'],
    ['has an encoding of its own', { ...TINY, body: 'hex' }, '"body" must be "base64" or "latin1", not "hex"'],
    [
      'has a time without unit',
      { ...TINY, keepAlive: { send: 1, every: 5 } },
      '"keepAlive.every" is wrong: the duration "5" has no unit',
    ],
    ['has a wrong type', { ...TINY, idempotent: 'yes' }, '"idempotent" must be of type boolean, not "yes"'],
    ['has no condition', { ...TINY, welcome: { when: {} } }, '"welcome.when" must name at least one path'],
    [
      'sends no id',
      { ...TINY, send: { to: '{to}', body: '{body}' } },
      '"send" must have {id} in it, for the answers name it',
    ],
    [
      'resumes from nowhere',
      { send, received, resume: { url: '{target}' } },
      '"received.position" is missing: "resume" needs a position',
    ],
    [
      'counts in nothing',
      { ...TINY, delivered: { when: { a: 1 }, peer: 'p', upTo: 'u' } },
      '"acknowledged.sequence" is missing: "delivered.upTo" is counted in it',
    ],
    [
      'has half a receipt',
      { ...TINY, delivered: { when: { a: 1 }, peer: 'p' } },
      '"delivered" must have "when" and either "id" or "peer" and "upTo"',
    ],
  ])('that %s is told so, with its file', async (_what, written, sentence) => {
    const failure = load('wrong.json', JSON.stringify(written));
    await expect(failure).rejects.toMatchObject({ name: 'DriverModuleError' });
    await expect(failure).rejects.toThrow(`${join(folder, 'wrong.json')}: ${sentence}`);
  });

  it('that is not there or does not parse is told so', async () => {
    await expect(loadDriver('json-websocket:nowhere.json')).rejects.toThrow(
      /description .*nowhere\.json can't be read: ENOENT/,
    );
    await expect(load('broken.json', '{')).rejects.toThrow(/broken\.json can't be read: /);
    await expect(load('broken.ts', 'export default {{')).rejects.toThrow(/broken\.ts can't be read: /);
  });
});
