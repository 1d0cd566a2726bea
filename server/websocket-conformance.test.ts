/**
 * The WebSocket protocol itself (RFC 6455), in bytes and by the `ws` library, against a real node: what is right is answered,
 * what is wrong ends that connection, and nobody else notices. After the cases of the Autobahn test suite.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { RawSocket } from './testing/raw-socket.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';
import { closeFrame, frame, OPCODE, parseFrames } from './testing/websocket-frames.ts';

let node: TestNode;
let url: string;
let pids: number[];
let witness: TestClient;
let witnessSent = 0;
let user = 0;

beforeAll(async () => {
  node = await startTestNode({ shards: 1 });
  url = await node.urlOf('anybody');
  pids = await node.shardPids();
  witness = await TestClient.open(url, 'witness');
});

afterAll(async () => {
  // The witness wrote to himself all the while, and the process is the one that it was.
  const { frames } = witness;
  expect(frames.filter(({ type }) => type === 'sent')).toHaveLength(witnessSent);
  expect(witness.closed).toBeNull();
  expect(await node.shardPids()).toEqual(pids);
  expect((await node.stats()).shards.map(({ restarts }) => restarts)).toEqual([0]);
  await cleanUp();
});

/** Before and after each case, the witness gets through. */
async function witnessed(work: () => Promise<void>): Promise<void> {
  await work();
  const before = witnessSent;
  witness.send({ type: 'send', id: ++witnessSent, to: 'witness', body: 'still here' });
  await until('the witness', () => witness.frames.filter(({ type }) => type === 'sent').length > before);
}

async function open(): Promise<RawSocket> {
  return RawSocket.open(url, `u${++user}`, null);
}

const send = (id: number, body = 'x'): string => JSON.stringify({ type: 'send', id, to: 'sink', body });
const text = (payload: Buffer | string, options = {}): Buffer => frame({ opcode: OPCODE.text, payload, ...options });
const more = (payload: Buffer | string, fin = false): Buffer => frame({ opcode: OPCODE.continuation, payload, fin });
const ping = (payload: Buffer | string, options = {}): Buffer => frame({ opcode: OPCODE.ping, payload, ...options });

const framesOf = (raw: RawSocket) => parseFrames(raw.received);
const textsOf = (raw: RawSocket): Array<{ type: string; id?: number }> =>
  framesOf(raw).flatMap(({ opcode, payload }) => (opcode === OPCODE.text ? [JSON.parse(payload.toString())] : []));

/** The code with which the server closed; 0 when it cut the connection without one. */
async function closeCode(raw: RawSocket): Promise<number> {
  await until('the end', () => raw.ended || framesOf(raw).some(({ opcode }) => opcode === OPCODE.close));
  const close = framesOf(raw).find(({ opcode }) => opcode === OPCODE.close);
  raw.socket.destroy();
  return close === undefined ? 0 : close.payload.length < 2 ? 1005 : close.payload.readUInt16BE(0);
}

const smile = Buffer.from(JSON.stringify({ type: 'send', id: 1, to: 'sink', body: '😀' }));
const cutAt = smile.indexOf(0xf0) + 2;

describe('is answered', () => {
  it.each<[string, Buffer[]]>([
    ['a message in one frame', [text(send(1))]],
    [
      'a message in many fragments',
      [text(send(1).slice(0, 5), { fin: false }), more(send(1).slice(5, 9)), more(send(1).slice(9), true)],
    ],
    ['a message with empty fragments', [text('', { fin: false }), more(send(1)), more(''), more('', true)]],
    [
      'a fragment for each byte',
      [...send(1)].map((byte, i, all) => (i === 0 ? text(byte, { fin: false }) : more(byte, i === all.length - 1))),
    ],
    [
      'a message with pings between its fragments',
      [
        text(send(1).slice(0, 5), { fin: false }),
        ping('a'),
        more(send(1).slice(5, 9)),
        ping('b'),
        more(send(1).slice(9), true),
      ],
    ],
    [
      'a character cut between fragments',
      [text(smile.subarray(0, cutAt), { fin: false }), more(smile.subarray(cutAt), true)],
    ],
    ['a mask of zeros', [text(send(1), { mask: Buffer.alloc(4) })]],
    ['a message of the largest body, with a length of 16 bits', [text(send(1, 'x'.repeat(16_384)))]],
    [
      'a message behind a pong that nobody asked for',
      [frame({ opcode: OPCODE.pong, payload: 'hello' }), text(send(1))],
    ],
  ])('%s', async (_, bytes) => {
    await witnessed(async () => {
      const raw = await open();
      for (const part of bytes) raw.socket.write(part);
      await until('sent', () => textsOf(raw).some(({ type, id }) => type === 'sent' && id === 1));
      expect(framesOf(raw).filter(({ opcode }) => opcode === OPCODE.pong)).toHaveLength(
        bytes.filter((part) => (part[0]! & 15) === OPCODE.ping).length,
      );
      raw.socket.destroy();
    });
  });

  it('whatever way TCP cuts it, byte by byte', async () => {
    await witnessed(async () => {
      const raw = await open();
      raw.socket.setNoDelay(true);
      for (const byte of Buffer.concat([ping('p'), text(send(1)), text(send(2))])) {
        raw.socket.write(Buffer.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      await until('both', () => textsOf(raw).filter(({ type }) => type === 'sent').length === 2);
      raw.socket.destroy();
    });
  });

  it.each([0, 1, 100, 125])('a ping of %i bytes, with the same', async (length) => {
    await witnessed(async () => {
      const raw = await open();
      const payload = Buffer.alloc(length, 0xfe);
      raw.socket.write(ping(payload));
      await until('the pong', () => framesOf(raw).some(({ opcode }) => opcode === OPCODE.pong));
      expect(framesOf(raw).find(({ opcode }) => opcode === OPCODE.pong)!.payload).toEqual(payload);
      raw.socket.destroy();
    });
  });

  it.each([
    ['1000', closeFrame(1000), 1000],
    ['1001 and a reason', closeFrame(1001, 'going'), 1001],
    ['4999 and the longest reason', closeFrame(4999, 'ü'.repeat(61)), 4999],
    ['no code', closeFrame(), 1005],
    // The library does not know these codes of the registry.
    ['3000', closeFrame(3000), 1005],
  ])('a close with %s', async (_, bytes, expected) => {
    await witnessed(async () => {
      const raw = await open();
      raw.socket.write(bytes);
      expect(await closeCode(raw)).toBe(expected);
    });
  });
});

describe('ends the connection', () => {
  it.each<[string, Buffer[], number]>([
    ['a reserved bit', [text(send(1), { rsv: 4 })], 0],
    ['the other reserved bits', [text(send(1), { rsv: 3 })], 0],
    ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): [string, Buffer[], number] => [
      `opcode ${opcode}`,
      [frame({ opcode, payload: 'x' })],
      0,
    ]),
    ['a ping of 126 bytes', [ping('x'.repeat(126))], 0],
    ['a ping in fragments', [ping('x', { fin: false })], 0],
    ['a continuation of nothing', [more('x', true)], 0],
    ['a new message inside another', [text('{', { fin: false }), text(send(1))], 0],
    ['text that is not UTF-8', [text(Buffer.from([0x7b, 0xff, 0x7d]))], 0],
    ['text that ends in the middle of a character', [text(smile.subarray(0, cutAt))], 0],
    ['an empty text message', [text('')], 4400],
    ['a text that is no JSON', [text('hello')], 4400],
    ['a binary message of rubbish', [frame({ opcode: OPCODE.binary, payload: Buffer.from([0xff]) })], 4400],
    ['a close with one byte', [frame({ opcode: OPCODE.close, payload: 'x' })], 1005],
    ['a close with code 999', [closeFrame(999)], 1005],
    ['a close with code 1005', [closeFrame(1005)], 1005],
    ['a close whose reason is not UTF-8', [closeFrame(1000, Buffer.from([0xff]))], 1005],
    ['half of a frame, and then the end', [text(send(1)).subarray(0, 9)], 0],
  ])('%s', async (name, bytes, expected) => {
    await witnessed(async () => {
      const raw = await open();
      for (const part of bytes) raw.socket.write(part);
      if (name.startsWith('half')) raw.socket.end();
      const code = await closeCode(raw);
      expect(code).toBe(expected);
      expect(textsOf(raw).filter(({ type }) => type === 'sent')).toEqual([]);
    });
  });
});

it('a frame that is not masked is never taken for a message', async () => {
  await witnessed(async () => {
    const raw = await open();
    raw.socket.write(text(send(1), { mask: null }));
    raw.socket.write(ping('p'));
    raw.socket.end();
    await raw.untilEnded();
    expect(textsOf(raw).filter(({ type }) => type === 'sent')).toEqual([]);
  });
});

describe('the ws library', () => {
  it.each<[string[], string, boolean]>([
    [['plimsoll.v1'], 'plimsoll.v1', true],
    [['plimsoll.v1.json'], 'plimsoll.v1.json', false],
    [['plimsoll.v1.json', 'plimsoll.v1'], 'plimsoll.v1', true],
    [[], '', false],
  ])('agrees on a subprotocol of %j', async (offered, chosen, binary) => {
    const socket = new WebSocket(`${url}/v1/connect?user=u${++user}`, offered);
    const first = await new Promise<[Buffer, boolean]>((resolve, reject) => {
      socket.once('message', (data: Buffer, isBinary) => resolve([data, isBinary]));
      socket.once('error', reject);
    });
    expect([socket.protocol, first[1]]).toEqual([chosen, binary]);
    socket.terminate();
  });

  it('sends fragments and pings, compressed if it could, and closes with a code and a reason', async () => {
    await witnessed(async () => {
      const socket = new WebSocket(`${url}/v1/connect?user=u${++user}`, ['plimsoll.v1.json'], {
        perMessageDeflate: true,
      });
      const heard: string[] = [];
      const pongs: string[] = [];
      socket.on('message', (data) => heard.push(String(data)));
      socket.on('pong', (data) => pongs.push(String(data)));
      await new Promise((resolve) => socket.once('open', resolve));
      expect(socket.extensions).toBe('');
      socket.send(send(1).slice(0, 7), { fin: false });
      socket.ping('are you there?');
      socket.send(send(1).slice(7), { fin: true });
      await until('sent', () => heard.some((line) => line.includes('"sent"')));
      await until('the pong', () => pongs.includes('are you there?'));
      const closed = new Promise<number>((resolve) => socket.once('close', (code) => resolve(code)));
      socket.close(4001, 'enough');
      expect(await closed).toBe(4001);
    });
  });
});
