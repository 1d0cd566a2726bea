/** The second half of what Autobahn asks of a whole node: UTF-8, empty and unmasked messages, closing. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from '../protocol/messages.ts';
import { FrameClient } from '../testing/frame-client.ts';
import { TestClient } from '../testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from '../testing/test-node.ts';
import { until } from '../testing/until.ts';
import { clientFrame, closePayload, fragments, OPCODES } from '../testing/websocket-frames.ts';
import { Witness } from '../testing/witness.ts';

const { continuation, text, binary, close, ping, pong } = OPCODES;

let node: TestNode;
let url: string;
let witness: Witness;
const opened: FrameClient[] = [];
let lastId = 0;
let users = 0;

beforeAll(async () => {
  node = await startTestNode({ shards: 1 });
  url = await node.urlOf('witness');
  witness = await Witness.open(node, url, 'witness');
});

afterAll(async () => {
  await witness?.stop();
  await cleanUp();
});

afterEach(async () => {
  for (const client of opened.splice(0)) client.destroy();
  await witness.check();
});

async function open(protocol: typeof BINARY_SUBPROTOCOL | typeof JSON_SUBPROTOCOL = JSON_SUBPROTOCOL) {
  const client = await FrameClient.open(url, `mallory-${++users}`, protocol);
  opened.push(client);
  return client;
}

/** A message to bob in JSON. */
function send(body: string): { id: number; data: Buffer } {
  const id = ++lastId;
  return { id, data: Buffer.from(JSON.stringify({ type: 'send', id, to: 'bob', body })) };
}

async function bodiesOf(user: string): Promise<string[]> {
  const response = await fetch(`${url.replace('ws', 'http')}/v1/timeline?user=${user}&limit=1000`);
  const { entries } = (await response.json()) as { entries: Array<{ body: string }> };
  return entries.map(({ body }) => body);
}

describe('UTF-8', () => {
  const body = 'é, €, 😀, \u0000, \uffff, \u{10ffff} and ـمرحبا';

  it.each([1, 2, 3, 5])('may be cut anywhere between fragments: every %i bytes', async (size) => {
    const client = await open();
    const { id, data } = send(`${size} ${body}`);
    client.write(...fragments(text, data, size));
    await client.untilSent(id);
    expect(await bodiesOf('bob')).toContain(`${size} ${body}`);
  });

  it.each([
    ['a lone continuation byte', '80'],
    ['an overlong form', 'c0af'],
    ['a surrogate', 'eda080'],
    ['a code point beyond the last', 'f4908080'],
    ['a character cut off', 'e282'],
    ['a byte that never occurs', 'ff'],
  ])('that is none, %s, cuts the connection, whole or in fragments', async (_what, hex) => {
    const [before, after] = send('|').data.toString().split('|');
    const data = Buffer.concat([Buffer.from(before!), Buffer.from(hex, 'hex'), Buffer.from(after!)]);
    for (const size of [data.length, 1]) {
      const client = await open();
      client.write(...fragments(text, data, size));
      expect(await client.closing()).toBeNull();
      expect(await bodiesOf(client.user)).toEqual([]);
    }
  });

  it.each([
    ['a byte order mark', Buffer.from('\ufeff{"type":"ack","seq":0}')],
    ['half a surrogate pair, escaped', Buffer.from('{"type":"send","id":1,"to":"bob","body":"\\ud83d"}')],
    ['nothing', Buffer.alloc(0)],
  ])('that is no frame in JSON, %s, closes with 4400', async (_what, data) => {
    const client = await open();
    client.write(clientFrame(text, data));
    expect(await client.closing()).toMatch(/^4400 a frame could not be decoded: /);
  });

  it('is asked of text only: a body in a binary message is any bytes', async () => {
    const client = await open(BINARY_SUBPROTOCOL);
    const id = ++lastId;
    const frame = Buffer.from('01000000000000000003626f6200000002c328', 'hex');
    frame.writeBigUInt64BE(BigInt(id), 1);
    client.write(...fragments(binary, frame, 4));
    await client.untilSent(id);
  });
});

it('empty binary messages, whole and in fragments, hold no frame and are no error', async () => {
  const client = await open(BINARY_SUBPROTOCOL);
  client.write(clientFrame(binary), clientFrame(binary, '', { fin: false }), clientFrame(continuation));
  client.write(clientFrame(ping, 'after them'));
  await until('the pong', () => client.frames(pong).length > 0);
  expect(client.frames()).toHaveLength(1);
});

it('binary messages on a JSON connection are frames as well, and answered in JSON', async () => {
  const client = await open();
  client.write(clientFrame(binary, Buffer.from('0601000103616263', 'hex')));
  await until('the answer', () => client.frames(text).length > 0);
  expect(client.answers('presence')).toMatchObject([{ users: [{ user: 'abc', state: 'offline' }] }]);
});

describe('frames that are not masked', () => {
  it('are never messages: the library takes their beginning for the key', async () => {
    const client = await open();
    client.write(clientFrame(text, send('unmasked').data, { mask: null }), clientFrame(ping, 'x', { mask: null }));
    client.write(clientFrame(text, send('unmasked').data, { mask: null }));
    expect(await client.closing()).toBeNull();
    expect(await bodiesOf(client.user)).toEqual([]);
  });
});

describe('closing', () => {
  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 4000, 4999])('%i is echoed', async (code) => {
    const client = await open();
    client.write(clientFrame(close, closePayload(code, 'bye, zoë')));
    expect(await client.closing()).toBe(`${code} bye, zoë`);
  });

  // 1012 to 1014 and 3000 to 3999 are valid; the library does not know them.
  const unknown = [0, 999, 1004, 1005, 1006, 1012, 1014, 1015, 1016, 2999, 3000, 3999, 5000, 65_535];
  it.each(unknown)('%i is answered without a code', async (code) => {
    const client = await open();
    client.write(clientFrame(close, closePayload(code, 'bye')));
    expect(await client.closing()).toBe('');
  });

  it.each([
    ['nothing', closePayload()],
    ['half a code', Buffer.from([3])],
    ['a reason that is not UTF-8', closePayload(1000, Buffer.from([0xc3, 0x28]))],
  ])('with %s is answered without a code', async (_what, payload) => {
    const client = await open();
    client.write(clientFrame(close, payload));
    expect(await client.closing()).toBe('');
  });

  it('takes the longest reason, and nothing after it is heard', async () => {
    const client = await open();
    const late = send('after the close');
    client.write(
      clientFrame(close, closePayload(1000, 'x'.repeat(123))),
      clientFrame(text, late.data),
      clientFrame(ping),
    );
    expect(await client.closing()).toBe(`1000 ${'x'.repeat(123)}`);
    expect(client.frames()).toHaveLength(1);
    expect(await bodiesOf(client.user)).toEqual([]);
  });

  it('in the middle of a message drops what there is of it', async () => {
    const client = await open();
    client.write(clientFrame(text, send('half').data.subarray(0, 20), { fin: false }));
    client.write(clientFrame(close, closePayload(1000)));
    expect(await client.closing()).toBe('1000');
  });

  it('of one half of the TCP connection ends the other; what was said before counts', async () => {
    const client = await open();
    client.raw.socket.end(clientFrame(text, send('and gone').data));
    expect(await client.closing()).toBeNull();
    await until('the message', async () => (await bodiesOf('bob')).includes('and gone'));
  });

  it.each([
    [1000, '', { code: 1000, reason: '' }],
    [4000, 'é'.repeat(61), { code: 4000, reason: 'é'.repeat(61) }],
    [3000, 'bye', { code: 1005, reason: '' }],
  ])('by the ws library, %i %s', async (code, reason, expected) => {
    const client = await TestClient.open(url, 'mallory');
    client.socket.close(code, reason);
    expect(await client.untilClosed()).toEqual(expected);
  });
});
