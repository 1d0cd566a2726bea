/**
 * What the Autobahn suite asks of a WebSocket server, asked of a whole node frame by frame: fragmentation, control frames,
 * UTF-8, closing, and what breaks RFC 6455. Whatever is sent, the processes stay and another connection is served meanwhile.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from '../protocol/messages.ts';
import { RawSocket } from '../testing/raw-socket.ts';
import { cleanUp, startTestNode, type TestNode } from '../testing/test-node.ts';
import { until } from '../testing/until.ts';
import { clientFrame, closePayload, OPCODES, type ServerFrame, serverFrames } from '../testing/websocket-frames.ts';
import { Witness } from '../testing/witness.ts';

const { continuation, text, binary, close, ping, pong } = OPCODES;

let node: TestNode;
let url: string;
let witness: Witness;
const opened: RawSocket[] = [];
let lastId = 0;

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
  for (const raw of opened.splice(0)) raw.destroy();
  await witness.check();
});

async function open(protocol: typeof BINARY_SUBPROTOCOL | typeof JSON_SUBPROTOCOL = JSON_SUBPROTOCOL) {
  const raw = await RawSocket.open(url, 'mallory', protocol);
  opened.push(raw);
  return raw;
}

/** A message to bob in JSON. */
function send(body: string): { id: number; data: Buffer } {
  const id = ++lastId;
  return { id, data: Buffer.from(JSON.stringify({ type: 'send', id, to: 'bob', body })) };
}

function frames(raw: RawSocket, opcode: number): ServerFrame[] {
  return serverFrames(raw.received).filter((frame) => frame.opcode === opcode);
}

/** The ids of `sent` frames, in order. */
function sentIds(raw: RawSocket): number[] {
  const answers = frames(raw, text).map(({ payload }) => JSON.parse(payload.toString()));
  return answers.filter(({ type }) => type === 'sent').map(({ id }) => id);
}

const untilSent = (raw: RawSocket, id: number) => until(`sent ${id}`, () => sentIds(raw).includes(id));

/** What the server says in its last frame, `code reason`; '' without a code, null if it cuts the connection without a close. */
async function closeOf(raw: RawSocket): Promise<string | null> {
  await raw.untilEnded();
  const [last, ...more] = frames(raw, close);
  expect(more).toEqual([]);
  if (last === undefined) return null;
  return last.payload.length === 0 ? '' : `${last.payload.readUInt16BE(0)} ${last.payload.subarray(2)}`;
}

/** `data` in frames of `size` bytes each, as one message. */
function fragments(opcode: number, data: Buffer, size: number): Buffer[] {
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length; at += size) {
    const options = { fin: at + size >= data.length };
    parts.push(clientFrame(at === 0 ? opcode : continuation, data.subarray(at, at + size), options));
  }
  return parts;
}

async function bodiesOfBob(): Promise<string[]> {
  const response = await fetch(`${url.replace('ws', 'http')}/v1/timeline?user=bob&limit=1000`);
  const { entries } = (await response.json()) as { entries: Array<{ body: string }> };
  return entries.map(({ body }) => body);
}

describe('a message in fragments', () => {
  it('is one message, with pings between that are answered at once', async () => {
    const raw = await open();
    const { id, data } = send('in hundreds of fragments '.repeat(20));
    const parts = fragments(text, data, 1);
    for (const [i, part] of parts.entries()) {
      raw.socket.write(part);
      if (i % 100 === 50) raw.socket.write(clientFrame(ping, `ping ${i}`));
    }
    await untilSent(raw, id);
    const pongs = frames(raw, pong).map(({ payload }) => payload.toString());
    expect(pongs.slice(0, 3)).toEqual(['ping 50', 'ping 150', 'ping 250']);
    // The answer to the message comes after those to all pings that stood in it.
    expect(serverFrames(raw.received).at(-1)!.opcode).toBe(text);
  });

  it('may have empty ones', async () => {
    const raw = await open();
    const { id, data } = send('empty fragments');
    raw.socket.write(clientFrame(text, '', { fin: false }));
    raw.socket.write(clientFrame(continuation, '', { fin: false }));
    raw.socket.write(clientFrame(continuation, data, { fin: false }));
    raw.socket.write(clientFrame(continuation, ''));
    await untilSent(raw, id);
  });

  it('is cut when another message begins in it', async () => {
    const raw = await open();
    raw.socket.write(clientFrame(text, '{"type"', { fin: false }));
    raw.socket.write(clientFrame(text, send('inside').data));
    expect(await closeOf(raw)).toBeNull();
  });
});

describe('masking and lengths', () => {
  it.each([
    ['zeros', '00000000'],
    ['ones', 'ffffffff'],
    ['four different bytes', '0180ff37'],
  ])('a masking key of %s', async (_what, key) => {
    const raw = await open();
    const { id, data } = send(`masked with ${key}`);
    raw.socket.write(clientFrame(text, data, { mask: Buffer.from(key, 'hex') }));
    await untilSent(raw, id);
    expect(await bodiesOfBob()).toContain(`masked with ${key}`);
  });

  it.each([125, 126, 127, 65_535, 65_536])('a message of %i bytes', async (length) => {
    const raw = await open();
    const { id, data } = send('');
    const padded = Buffer.concat([data.subarray(0, -1), Buffer.alloc(length - data.length, ' '), Buffer.from('}')]);
    raw.socket.write(clientFrame(text, padded));
    await untilSent(raw, id);
  });

  it('a length beyond 2^63 is cut', async () => {
    const raw = await open();
    raw.socket.write(Buffer.from('82ff800000000000000100000000', 'hex'));
    expect(await closeOf(raw)).toBeNull();
  });

  it('one byte at a time', async () => {
    const raw = await open();
    raw.socket.setNoDelay(true);
    const { id, data } = send('byte by byte: zoë €');
    for (const byte of Buffer.concat([clientFrame(ping, 'slow'), clientFrame(text, data)])) {
      raw.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await untilSent(raw, id);
    expect(frames(raw, pong).map(({ payload }) => payload.toString())).toContain('slow');
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
    const raw = await open();
    raw.socket.write(bytes);
    expect(await closeOf(raw)).toBeNull();
  });
});

describe('control frames', () => {
  it.each([0, 1, 125])('a ping of %i bytes is answered with the same', async (length) => {
    const raw = await open(BINARY_SUBPROTOCOL);
    const payload = Buffer.from(Array.from({ length }, (_, i) => 255 - i));
    raw.socket.write(clientFrame(ping, payload));
    await until('the pong', () => frames(raw, pong).length > 0);
    expect(frames(raw, pong)).toEqual([{ opcode: pong, payload }]);
    expect(frames(raw, binary)).toEqual([]);
  });

  it('pongs that nobody asked for are ignored', async () => {
    const raw = await open();
    raw.socket.write(Buffer.concat([clientFrame(pong), clientFrame(pong, Buffer.alloc(125)), clientFrame(ping, 'x')]));
    await until('the pong', () => frames(raw, pong).length > 0);
    expect(serverFrames(raw.received).length).toBe(1);
  });
});
