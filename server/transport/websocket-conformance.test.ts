/**
 * What the Autobahn suite asks of a WebSocket server, asked of a whole node frame by frame: fragmentation, control frames,
 * UTF-8, closing, and what breaks RFC 6455. Whatever is sent, the processes stay and another connection is served meanwhile.
 */
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

async function bodiesOfBob(): Promise<string[]> {
  const response = await fetch(`${url.replace('ws', 'http')}/v1/timeline?user=bob&limit=1000`);
  const { entries } = (await response.json()) as { entries: Array<{ body: string }> };
  return entries.map(({ body }) => body);
}

describe('a message in fragments', () => {
  it('is one message, with pings between that are answered at once', async () => {
    const client = await open();
    const { id, data } = send('in hundreds of fragments '.repeat(20));
    const parts = fragments(text, data, 1);
    for (const [i, part] of parts.entries()) {
      client.write(part);
      if (i % 100 === 50) client.write(clientFrame(ping, `ping ${i}`));
    }
    await client.untilSent(id);
    const pongs = client.frames(pong).map(({ payload }) => payload.toString());
    expect(pongs.slice(0, 3)).toEqual(['ping 50', 'ping 150', 'ping 250']);
    // The answer to the message comes after those to all pings that stood in it.
    expect(client.frames().at(-1)!.opcode).toBe(text);
  });

  it('may have empty ones', async () => {
    const client = await open();
    const { id, data } = send('empty fragments');
    client.write(clientFrame(text, '', { fin: false }));
    client.write(clientFrame(continuation, '', { fin: false }));
    client.write(clientFrame(continuation, data, { fin: false }));
    client.write(clientFrame(continuation, ''));
    await client.untilSent(id);
  });

  it('may come from the ws library, which masks at random, in dozens and with pings', async () => {
    const client = await TestClient.open(url, 'mallory');
    const { id, data } = send('from the ws library');
    const pongs: string[] = [];
    client.socket.on('pong', (payload) => pongs.push(payload.toString()));
    for (let at = 0; at < data.length; at++) {
      client.socket.send(data.subarray(at, at + 1), { binary: false, fin: at === data.length - 1 });
      if (at % 10 === 0) client.socket.ping(`ping ${at}`);
    }
    expect(await client.next('sent')).toMatchObject({ id });
    expect(pongs.slice(0, 3)).toEqual(['ping 0', 'ping 10', 'ping 20']);
    await client.close();
  });

  it('is cut when another message begins in it', async () => {
    const client = await open();
    client.write(clientFrame(text, '{"type"', { fin: false }));
    client.write(clientFrame(text, send('inside').data));
    expect(await client.closing()).toBeNull();
  });
});

describe('masking and lengths', () => {
  it.each([
    ['zeros', '00000000'],
    ['ones', 'ffffffff'],
    ['four different bytes', '0180ff37'],
  ])('a masking key of %s', async (_what, key) => {
    const client = await open();
    const { id, data } = send(`masked with ${key}`);
    client.write(clientFrame(text, data, { mask: Buffer.from(key, 'hex') }));
    await client.untilSent(id);
    expect(await bodiesOfBob()).toContain(`masked with ${key}`);
  });

  it.each([125, 126, 127, 65_535, 65_536])('a message of %i bytes', async (length) => {
    const client = await open();
    const { id, data } = send('');
    const padded = Buffer.concat([data.subarray(0, -1), Buffer.alloc(length - data.length, ' '), Buffer.from('}')]);
    client.write(clientFrame(text, padded));
    await client.untilSent(id);
  });

  it('a length beyond 2^63 is cut', async () => {
    const client = await open();
    client.write(Buffer.from('82ff800000000000000100000000', 'hex'));
    expect(await client.closing()).toBeNull();
  });

  it('one byte at a time', async () => {
    const client = await open();
    const { id, data } = send('byte by byte: zoë €');
    const bytes = Buffer.concat([clientFrame(ping, 'slow'), clientFrame(text, data)]);
    await client.writeApart(Array.from(bytes, (byte) => Buffer.from([byte])));
    await client.untilSent(id);
    expect(client.frames(pong).map(({ payload }) => payload.toString())).toContain('slow');
    expect(await bodiesOfBob()).toContain('byte by byte: zoë €');
  });
});

describe('what breaks the WebSocket protocol is cut without a close code:', () => {
  const ack = '{"type":"ack","seq":0}';
  it.each<[string, Buffer]>([
    ...[1, 2, 4].map((bit): [string, Buffer] => [`reserved bit ${bit}`, clientFrame(text, ack, { reserved: bit })]),
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((code): [string, Buffer] => [`opcode ${code}`, clientFrame(code, ack)]),
    ['a reserved bit of a ping', clientFrame(ping, '', { reserved: 4 })],
    ['a ping of 126 bytes', clientFrame(ping, Buffer.alloc(126))],
    ['a pong of 126 bytes', clientFrame(pong, Buffer.alloc(126))],
    ['a close of 126 bytes', clientFrame(close, closePayload(1000, 'x'.repeat(124)))],
    ['a fragmented ping', clientFrame(ping, 'x', { fin: false })],
    ['a fragmented close', clientFrame(close, '', { fin: false })],
    ['a continuation of nothing', clientFrame(continuation, ack)],
    ['fragments that continue nothing', clientFrame(continuation, ack, { fin: false })],
    ['text that is not UTF-8', clientFrame(text, Buffer.from([0xc3, 0x28]))],
  ])('%s', async (_what, bytes) => {
    const client = await open();
    client.write(bytes);
    expect(await client.closing()).toBeNull();
  });
});

describe('control frames', () => {
  it.each([0, 1, 125])('a ping of %i bytes is answered with the same', async (length) => {
    const client = await open(BINARY_SUBPROTOCOL);
    const payload = Buffer.from(Array.from({ length }, (_, i) => 255 - i));
    client.write(clientFrame(ping, payload));
    await until('the pong', () => client.frames(pong).length > 0);
    expect(client.frames(pong)).toEqual([{ opcode: pong, payload }]);
    expect(client.frames(binary)).toEqual([]);
  });

  it('pongs that nobody asked for are ignored', async () => {
    const client = await open();
    client.write(clientFrame(pong), clientFrame(pong, Buffer.alloc(125)), clientFrame(ping, 'x'));
    await until('the pong', () => client.frames(pong).length > 0);
    expect(client.frames().length).toBe(1);
  });
});
