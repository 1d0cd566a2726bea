/** The opening handshake of a process and of the router: subprotocols, versions and extensions, known and unknown. */
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { JSON_SUBPROTOCOL } from '../protocol/messages.ts';
import { cleanUp, startTestNode, type TestNode } from '../testing/test-node.ts';
import { until } from '../testing/until.ts';
import { Witness } from '../testing/witness.ts';

let node: TestNode;
let url: string;
let witness: Witness;

beforeAll(async () => {
  node = await startTestNode({ shards: 1 });
  url = await node.urlOf('witness');
  witness = await Witness.open(node, url, 'witness');
});

afterAll(async () => {
  await witness?.stop();
  await cleanUp();
});

afterEach(() => witness.check());

const HEADERS = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

/** The head of the answer, in lower case. */
async function answer(base: string, headers: object, more: string[] = []): Promise<string> {
  const { port, host } = new URL(base);
  const socket = connect(Number(port), '127.0.0.1');
  let received = '';
  socket.on('data', (data) => {
    received += data.toString('latin1');
  });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.write(['GET /v1/connect?user=alice HTTP/1.1', `host: ${host}`, ...lines, ...more, '\r\n'].join('\r\n'));
  await until('the head', () => received.includes('\r\n\r\n'));
  socket.destroy();
  return received.slice(0, received.indexOf('\r\n\r\n') + 2).toLowerCase();
}

const protocolOf = (head: string) => /sec-websocket-protocol: (.*)\r/.exec(head)?.[1] ?? null;

it.each<[string, string[], string | null]>([
  ['none', [], null],
  ['an unknown one', ['chat'], null],
  ['one in another case', ['PLIMSOLL.V1'], null],
  ['JSON', ['plimsoll.v1.json'], 'plimsoll.v1.json'],
  ['binary', ['plimsoll.v1'], 'plimsoll.v1'],
  ['both, JSON first', ['plimsoll.v1.json, plimsoll.v1'], 'plimsoll.v1'],
  ['unknown ones and JSON', ['chat ,plimsoll.v1.json , other'], 'plimsoll.v1.json'],
  ['JSON in a second header', ['chat', 'plimsoll.v1.json'], 'plimsoll.v1.json'],
  ['binary in a second header', ['plimsoll.v1.json', 'plimsoll.v1'], 'plimsoll.v1'],
])('offering %s', async (_what, offers, expected) => {
  const offered = offers.map((offer) => `Sec-WebSocket-Protocol: ${offer}`);
  for (const base of [url, node.url]) {
    const head = await answer(base, HEADERS, offered);
    expect(head).toMatch(/^http\/1.1 101 /);
    expect(protocolOf(head)).toBe(expected);
  }
});

it.each([
  ['of another version', { ...HEADERS, 'sec-websocket-version': '8' }],
  ['to another protocol', { ...HEADERS, upgrade: 'h2c' }],
  ['with a key that is none', { ...HEADERS, 'sec-websocket-key': 'short' }],
])('%s is answered by 426 and the version', async (_what, headers) => {
  for (const base of [url, node.url]) {
    const head = await answer(base, headers);
    expect(head).toMatch(/^http\/1.1 426 /);
    expect(head).toContain('\r\nsec-websocket-version: 13\r\n');
  }
});

it('does not take up an offer of compression', async () => {
  const socket = new WebSocket(`${url}/v1/connect?user=mallory`, [JSON_SUBPROTOCOL], { perMessageDeflate: true });
  await until('the connection', () => socket.readyState === WebSocket.OPEN);
  expect(socket.extensions).toBe('');
  socket.terminate();
});

it('in which nothing known is offered fails at a client that insists', async () => {
  const socket = new WebSocket(`${url}/v1/connect?user=mallory`, ['chat']);
  let problem = '';
  socket.on('error', (error) => {
    problem = error.message;
  });
  expect(await until('an error', () => problem)).toBe('Server sent no subprotocol');
});
