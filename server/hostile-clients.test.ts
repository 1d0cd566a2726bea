/**
 * Guarantee 7 against clients that mean harm: whatever they do, the process is the same afterwards, its memory comes back,
 * another user is answered within BOUND_MS all the while, and who floods is told so by a code.
 */
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from './config.ts';
import {
  encodeAck,
  encodeGroup,
  encodePresence,
  encodeSend,
  encodeSendGroup,
  encodeStatus,
  FrameWriter,
} from './protocol/codec.ts';
import { BINARY_SUBPROTOCOL } from './protocol/messages.ts';
import { RawSocket } from './testing/raw-socket.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

/** A round trip of the witness; the machine may be busy with other tests. */
const BOUND_MS = 2_000;
/** What may be left of memory once it is over: the heap grows before it is tidied. */
const MEMORY_BYTES = 192 * 1024 * 1024;

let node: TestNode;
let pids: number[];
let url: string;
let witness: TestClient;
let witnessId = 0;
let rssBefore = 0;
let leftovers: Array<() => void> = [];

const shardStats = async () => (await node.stats()).shards[0]!.stats!;

async function roundTripMs(): Promise<number> {
  const started = performance.now();
  witness.send({ type: 'send', id: ++witnessId, to: 'witness', body: 'still here' });
  expect(await witness.next('sent')).toMatchObject({ id: witnessId });
  return performance.now() - started;
}

beforeAll(async () => {
  node = await startTestNode({ shards: 1, settings: { userRate: DEFAULT_SETTINGS.userRate } });
  pids = await node.shardPids();
  url = await node.urlOf('witness');
  witness = await TestClient.open(url, 'witness');
  await until('figures', async () => (await node.stats()).shards[0]!.stats);
});

afterAll(cleanUp);

beforeEach(async () => {
  leftovers = [];
  rssBefore = (await shardStats()).rssBytes;
});

afterEach(async () => {
  for (const end of leftovers) end();
  expect(await roundTripMs()).toBeLessThan(BOUND_MS);
  expect(witness.closed).toBeNull();
  expect(await node.shardPids()).toEqual(pids);
  await until('connections and memory to be given back', async () => {
    const { connections, rssBytes } = await shardStats();
    return connections === 1 && rssBytes < rssBefore + MEMORY_BYTES;
  });
});

async function attacker(protocol: typeof BINARY_SUBPROTOCOL | 'plimsoll.v1.json' = BINARY_SUBPROTOCOL) {
  const client = await TestClient.open(url, 'mallory', { protocol });
  leftovers.push(() => client.socket.terminate());
  return client;
}

/** The frames of one WebSocket message: `encode` over and over. */
function message(count: number, encode: (writer: FrameWriter, i: number) => void): Buffer {
  const writer = new FrameWriter();
  for (let i = 0; i < count; i++) encode(writer, i);
  return Buffer.from(writer.take());
}

/** Sends until the server closes; the witness is served meanwhile. Returns the code. */
async function flood(client: TestClient, data: (i: number) => Buffer | string, most: number): Promise<number> {
  for (let i = 0; i < most && !client.closed && client.socket.readyState === 1; i++) {
    client.socket.send(data(i));
    if (i % 20 === 0) expect(await roundTripMs()).toBeLessThan(BOUND_MS);
  }
  return (await client.untilClosed()).code;
}

const NAMES = Array.from({ length: 256 }, (_, i) => `somebody-${i}`);

describe('a flood', () => {
  it.each<[string, (writer: FrameWriter) => void, number]>([
    ['of acks that say nothing', (writer) => encodeAck(writer, 0), 5_000],
    ['of acks beyond the head', (writer) => encodeAck(writer, 2 ** 50), 5_000],
    ['of questions about 256 peers', (writer) => encodeStatus(writer, NAMES), 10],
    ['of presence for 256 users', (writer) => encodePresence(writer, 'pull', NAMES), 10],
    ['of subscriptions', (writer) => encodePresence(writer, 'subscribe', NAMES), 10],
    ['of group requests', (writer) => encodeGroup(writer, 1, 'info', 'no-such-group', false, []), 1_000],
    ['of members', (writer) => encodeGroup(writer, 1, 'add', 'no-such-group', false, NAMES), 10],
  ])('%s is closed with 4430', async (_what, encode, perMessage) => {
    const client = await attacker();
    const data = message(perMessage, encode);
    expect(await flood(client, () => data, 1_000)).toBe(4430);
  });

  it('of empty messages, pings or pongs is closed with 4430', async () => {
    for (const kind of ['message', 'ping', 'pong'] as const) {
      const client = await attacker();
      for (let i = 0; i < 60_000 && client.socket.readyState === 1; i++) {
        if (kind === 'message') client.socket.send(Buffer.alloc(0));
        else client.socket[kind]();
        if (i % 5_000 === 0) expect(await roundTripMs()).toBeLessThan(BOUND_MS);
      }
      expect([kind, (await client.untilClosed()).code]).toEqual([kind, 4430]);
    }
  });

  it('of sends is refused with 1009, each with a time, then closed with 4430', async () => {
    const client = await attacker();
    let id = 0;
    const code = await flood(
      client,
      () => message(500, (writer) => encodeSend(writer, ++id, 'bob', Buffer.from('x'))),
      200,
    );
    expect(code).toBe(4430);
    expect(client.of('sent').length).toBeGreaterThanOrEqual(2_000);
    for (const error of client.of('error')) {
      expect(error.code).toBe(1009);
      expect((error as unknown as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(0);
    }
    await until('the counter', async () => (await shardStats()).messages.rateLimited > 10_000);
  });

  it('in JSON is closed with 4430', async () => {
    const client = await attacker('plimsoll.v1.json');
    expect(await flood(client, () => JSON.stringify({ type: 'status', peers: NAMES }), 1_000)).toBe(4430);
  });

  it('of a client that reads nothing of the answers ends as well', async () => {
    const client = await attacker();
    client.socket.pause();
    const before = await shardStats();
    let id = 0;
    for (let i = 0; i < 100; i++) {
      client.socket.send(message(500, (writer) => encodeSend(writer, ++id, 'bob', Buffer.from('x'))));
    }
    await until('the close', async () => {
      const { closes } = await shardStats();
      return closes.flooding! + closes['slow-consumer']! > before.closes.flooding! + before.closes['slow-consumer']!;
    });
  });

  it('of connects and hang-ups leaves nothing behind', async () => {
    const { connectionsOpened } = await shardStats();
    for (let round = 0; round < 10; round++) {
      const clients = Array.from({ length: 50 }, (_, i) => new TestClient(url, 'mallory', { device: `d${i}` }));
      await Promise.all(clients.map((client) => until('open or closed', () => client.socket.readyState !== 0)));
      for (const client of clients) client.socket.terminate();
      expect(await roundTripMs()).toBeLessThan(BOUND_MS);
    }
    await until('all to be closed', async () => {
      const { connections, connectionsOpened: opened } = await shardStats();
      return connections === 1 && opened - connectionsOpened === 500;
    });
  });
});

describe('frames that come', () => {
  it('one byte at a time are frames', async () => {
    const raw = await RawSocket.open(url, 'mallory');
    leftovers.push(() => raw.destroy());
    raw.socket.setNoDelay(true);
    const id = Date.now();
    const frame = message(1, (writer) => encodeSend(writer, id, 'bob', Buffer.from('slowly')));
    const bytes = Buffer.concat([Buffer.from([0x82, 0x80 | frame.length, 0, 0, 0, 0]), frame]);
    for (const byte of bytes) {
      raw.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const sent = Buffer.alloc(9);
    sent[0] = 0x82;
    sent.writeBigUInt64BE(BigInt(id), 1);
    await until('the sent', () => raw.received.includes(sent));
  });

  const FRAMES: Array<[string, Buffer]> = [
    ['group message', message(1, (writer) => encodeSendGroup(writer, 1, 'a-group', Buffer.from('hi')))],
    ['group request', message(1, (writer) => encodeGroup(writer, 1, 'create', 'a-group', true, ['bob', 'carol']))],
    ['presence request', message(1, (writer) => encodePresence(writer, 'subscribe', ['bob', 'carol']))],
  ];

  it.each(FRAMES)('cut anywhere in a %s close with 4400', async (_what, frame) => {
    for (let length = 1; length < frame.length; length++) {
      const client = await attacker();
      client.socket.send(frame.subarray(0, length));
      expect([length, (await client.untilClosed()).code]).toEqual([length, 4400]);
    }
  });

  it.each(FRAMES)('with any byte of a %s turned do no harm', async (_what, frame) => {
    let client = await attacker();
    for (let at = 0; at < frame.length; at++) {
      for (const flip of [0x80, 0xff]) {
        const bytes = Buffer.from(frame);
        bytes[at]! ^= flip;
        if (client.closed || client.socket.readyState !== 1) client = await attacker();
        client.socket.send(bytes);
      }
    }
    client.socket.send(Buffer.from([0x7f]));
    expect((await client.untilClosed()).code).toBe(4400);
  });

  it.each([
    ['a group without a name', '{"type":"group","id":1,"action":"create","group":""}'],
    ['an unknown action', '{"type":"group","id":1,"action":"destroy","group":"g"}'],
    ['users that are no list', '{"type":"group","id":1,"action":"add","group":"g","users":"bob"}'],
    ['257 members', JSON.stringify({ type: 'group', id: 1, action: 'add', group: 'g', users: [...NAMES, 'bob'] })],
    ['a user that is a number', '{"type":"presence","action":"pull","users":[7]}'],
    ['257 users to watch', JSON.stringify({ type: 'presence', action: 'subscribe', users: [...NAMES, 'bob'] })],
    ['a control character in the group', '{"type":"send","id":1,"group":"g\\u0001","body":""}'],
    ['two recipients', '{"type":"send","id":1,"group":"g","to":"bob","body":""}'],
  ])('in JSON with %s close with 4400', async (_what, text) => {
    const client = await attacker('plimsoll.v1.json');
    client.socket.send(text);
    expect((await client.untilClosed()).code).toBe(4400);
  });
});

describe('what never becomes a request', () => {
  function drip(first: string, piece: string, everyMs: number): { socket: Socket; ended: () => boolean } {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let ended = false;
    if (first !== '') socket.write(first);
    const timer = setInterval(() => socket.write(piece), everyMs);
    socket.on('error', () => {}); // the close follows
    socket.on('close', () => {
      ended = true;
      clearInterval(timer);
    });
    leftovers.push(() => socket.destroy());
    return { socket, ended: () => ended };
  }

  it('hundreds of sockets that say nothing, and requests that trickle in, are cut and hinder nobody', async () => {
    const silent = Array.from({ length: 400 }, () => drip('', '', 60_000));
    const get = 'GET /v1/timeline?user=alice HTTP/1.1\r\nHost: x\r\n';
    const post = 'POST /v1/messages?user=alice HTTP/1.1\r\nHost: x\r\n';
    const slow = [
      drip(get, 'X-Filler: x\r\n', 500),
      drip(`${get}X-Filler: `, 'x', 500),
      drip(`${get}Upgrade: websocket\r\nConnection: Upgrade\r\n`, 'X-Filler: x\r\n', 500),
      drip(`${post}Content-Length: 10000\r\n\r\n{`, ' ', 500),
      drip(`${post}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n{\r\n', 500),
    ];
    expect(await roundTripMs()).toBeLessThan(BOUND_MS);
    await TestClient.open(url, 'newcomer').then((client) => client.close());
    await until('all to be closed', () => [...silent, ...slow].every(({ ended }) => ended()), 30_000);
  }, 40_000);

  it('an endless head, and an endless body, are cut', async () => {
    const head = drip('GET /v1/timeline?user=alice HTTP/1.1\r\n', `X-Filler: ${'x'.repeat(60_000)}\r\n`, 10);
    const body = drip(
      'POST /v1/messages?user=alice HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000000\r\n\r\n',
      'x'.repeat(60_000),
      10,
    );
    await until('both to be closed', () => head.ended() && body.ended());
  });
});
