/** Guarantee 7: what is malformed, too large or not allowed gets a code; no shard dies, and no other connection is disturbed. */
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encodeSend, FrameWriter } from './protocol/codec.ts';
import { BINARY_SUBPROTOCOL } from './protocol/messages.ts';
import { RawSocket } from './testing/raw-socket.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

let node: TestNode;
let pids: number[];
let url: string;
let mallory: string;
let witness: TestClient;
let witnessName: string;
let witnessId = 0;

beforeAll(async () => {
  node = await startTestNode();
  pids = await node.shardPids();
  mallory = node.userOn(0, 'mallory');
  url = await node.urlOf(mallory);
  witnessName = node.userOn(0, 'witness');
  witness = await TestClient.open(url, witnessName);
});

afterAll(cleanUp);

let clients: Array<{ destroy(): void }> = [];
beforeEach(() => {
  clients = [];
});

/** After each case the processes are the same, and a connection from before it still works. */
afterEach(async () => {
  for (const client of clients) client.destroy();
  witness.send({ type: 'send', id: ++witnessId, to: witnessName, body: 'still here' });
  expect(await witness.next('sent')).toMatchObject({ id: witnessId });
  expect(witness.closed).toBeNull();
  expect(await node.shardPids()).toEqual(pids);
});

async function openClient(options: ConstructorParameters<typeof TestClient>[2] = {}): Promise<TestClient> {
  const client = await TestClient.open(url, mallory, options);
  clients.push({ destroy: () => client.socket.terminate() });
  return client;
}

async function openRaw(): Promise<RawSocket> {
  const raw = await RawSocket.open(url, mallory);
  clients.push(raw);
  return raw;
}

function sendFrame(to: string, body: Buffer, id = 1): Buffer {
  const writer = new FrameWriter();
  encodeSend(writer, id, to, body);
  return writer.take();
}

describe('a binary message', () => {
  const good = sendFrame('bob', Buffer.from('hi'));
  it.each([
    ['of an unknown type', Buffer.from('7f0000', 'hex')],
    ['of a server’s type', Buffer.from('820000000000000001000000000000000100000000000000', 'hex')],
    ['cut off in its header', good.subarray(0, 5)],
    ['cut off in its body', good.subarray(0, -1)],
    ['with rubbish behind it', Buffer.concat([good, Buffer.from([0])])],
    ['with an id of 0', Buffer.concat([Buffer.from('010000000000000000', 'hex'), good.subarray(9)])],
    ['with an id beyond 2^53', Buffer.concat([Buffer.from('01ffffffffffffffff', 'hex'), good.subarray(9)])],
    ['with an empty recipient', Buffer.from('01000000000000000100000000026869', 'hex')],
    ['with a recipient that is not UTF-8', Buffer.from('01000000000000000102c3280000000168', 'hex')],
    ['with a control character in the recipient', Buffer.from('01000000000000000102610a0000000168', 'hex')],
    ['with a body length of 4 GB', Buffer.from('01000000000000000103626f62ffffffff6869', 'hex')],
    ['asking for the status of 65,535 peers', Buffer.from('03ffff', 'hex')],
    ['of random bytes', Buffer.from(Array.from({ length: 5_000 }, (_, i) => (i * 7_919) % 251))],
  ])('%s closes with 4400', async (_what, bytes) => {
    const client = await openClient({ protocol: BINARY_SUBPROTOCOL });
    client.socket.send(bytes);
    expect(await client.untilClosed()).toMatchObject({ code: 4400, reason: expect.stringContaining(':') });
  });

  it('whose first frames are good has them processed', async () => {
    const client = await openClient({ protocol: BINARY_SUBPROTOCOL });
    const to = node.userOn(0, 'first');
    client.socket.send(Buffer.concat([sendFrame(to, Buffer.from('hi'), 100), Buffer.from([0xff])]));
    expect((await client.untilClosed()).code).toBe(4400);
    const reader = await TestClient.open(url, to);
    expect((await reader.next('message')).body).toBe('hi');
    await reader.close();
  });
});

describe('a JSON message', () => {
  it.each([
    ['that is not JSON', '{"type":'],
    ['that is no object', '[1,2]'],
    ['null', 'null'],
    ['without a type', '{}'],
    ['of a server’s type', '{"type":"sent","id":1,"seq":1,"time":1}'],
    ['with an id that is a string', '{"type":"send","id":"1","to":"bob","body":""}'],
    ['with an id that is a fraction', '{"type":"send","id":1.5,"to":"bob","body":""}'],
    ['with a negative position', '{"type":"ack","seq":-1}'],
    ['with no body', '{"type":"send","id":1,"to":"bob"}'],
    ['with two bodies', '{"type":"send","id":1,"to":"bob","body":"","bodyBase64":""}'],
    ['with a recipient of 65 bytes', JSON.stringify({ type: 'send', id: 1, to: 'x'.repeat(65), body: '' })],
    ['nested deep', `${'['.repeat(10_000)}${']'.repeat(10_000)}`],
    ['with a prototype', '{"__proto__":{"type":"ack","seq":1}}'],
  ])('%s closes with 4400', async (_what, text) => {
    const client = await openClient();
    client.socket.send(text);
    expect((await client.untilClosed()).code).toBe(4400);
  });

  it('on a binary connection closes with 4400', async () => {
    const client = await openClient({ protocol: BINARY_SUBPROTOCOL });
    client.socket.send('{"type":"ack","seq":0}');
    expect((await client.untilClosed()).code).toBe(4400);
  });

  it('with text that is not UTF-8 is closed', async () => {
    const client = await openClient();
    client.socket.send(Buffer.from([0xc3, 0x28]), { binary: false });
    expect((await client.untilClosed()).code).not.toBe(1005);
  });
});

describe('what is too large', () => {
  it('a body over the limit is error 1002, and the connection goes on', async () => {
    const client = await openClient({ protocol: BINARY_SUBPROTOCOL });
    client.socket.send(sendFrame('bob', Buffer.alloc(16_385)));
    expect(await client.next('error')).toMatchObject({ code: 1002, id: 1 });
    client.write((writer) => encodeSend(writer, 2, 'bob', Buffer.alloc(16_384)));
    expect(await client.next('sent')).toMatchObject({ id: 2 });
  });

  it('a body of the limit goes in JSON, however it is escaped', async () => {
    const client = await openClient();
    client.send({ type: 'send', id: 3, to: 'bob', body: '\u0001'.repeat(16_384) });
    expect(await client.next('sent')).toMatchObject({ id: 3 });
  });

  it('a frame over the limit closes with 4413', async () => {
    const client = await openClient({ protocol: BINARY_SUBPROTOCOL });
    client.socket.send(Buffer.alloc(120_000));
    expect((await client.untilClosed()).code).toBe(4413);
  });

  it('a frame far over the limit is cut before it has come', async () => {
    const raw = await openRaw();
    raw.writeFrame(2, Buffer.alloc(10), { length: 4_000_000_000 });
    await raw.untilEnded();
  });

  it('a message in endless fragments is cut', async () => {
    const raw = await openRaw();
    raw.socket.write(Buffer.from([0x02, 0x80 | 126, 0xff, 0xff, 0, 0, 0, 0, ...Buffer.alloc(0xffff)]));
    const fragment = Buffer.from([0x00, 0x80 | 126, 0xff, 0xff, 0, 0, 0, 0, ...Buffer.alloc(0xffff)]);
    for (let i = 0; i < 40 && !raw.ended; i++) raw.socket.write(fragment);
    await raw.untilEnded();
  });
});

describe('what breaks the WebSocket protocol', () => {
  it.each([
    ['a reserved opcode', 0x03, Buffer.alloc(0)],
    ['a reserved bit', 0x42, Buffer.alloc(1)],
    ['a ping of 200 bytes', 0x09, Buffer.alloc(200)],
    ['a continuation of nothing', 0x00, Buffer.alloc(1)],
  ])('%s ends the connection', async (_what, opcode, payload) => {
    const raw = await openRaw();
    raw.writeFrame(opcode, payload);
    await raw.untilEnded();
  });

  it('an unmasked frame is never taken for a message', async () => {
    const raw = await openRaw();
    const to = node.userOn(0, 'unmasked');
    raw.writeFrame(2, sendFrame(to, Buffer.from('unmasked')), { masked: false });
    // The server takes four bytes of it for the mask: what follows ends the connection.
    raw.writeFrame(2, sendFrame(to, Buffer.from('unmasked')), { masked: false });
    await raw.untilEnded();
    const history = await fetch(`${url.replace('ws', 'http')}/v1/timeline?user=${to}`);
    expect(await history.json()).toEqual({ user: to, entries: [] });
  });

  it('a connection that ends in the middle of a frame, or of the handshake, leaves nothing open', async () => {
    for (let i = 0; i < 10; i++) {
      const raw = await openRaw();
      raw.writeFrame(2, Buffer.alloc(3), { length: 500 });
      raw.destroy();
      const socket = connect(Number(new URL(url).port), '127.0.0.1');
      socket.write('GET /v1/connect?user=x HTTP/1.1\r\nUpgr');
      socket.on('connect', () => socket.destroy());
    }
    await until('all to be closed', async () => {
      const { stats } = (await node.stats()).shards[0]!;
      // The witness alone.
      return stats?.connections === 1 && stats.connectionsClosed >= 10;
    });
  });
});

describe('a bad query', () => {
  it.each([
    ['no user', '', 'user is missing'],
    ['a user that is too long', `user=${'x'.repeat(65)}`, 'user must be'],
    ['a control character in the user', 'user=a%0Ab', 'user must be'],
    ['a device that is too long', `user=NAME&device=${'x'.repeat(33)}`, 'device must be'],
    ['an empty device', 'user=NAME&device=', 'device must be'],
    ['a position that is no number', 'user=NAME&after=abc', 'after must be'],
    ['a negative position', 'user=NAME&after=-1', 'after must be'],
    ['a fraction as position', 'user=NAME&after=1.5', 'after must be'],
    ['a position beyond 2^53', 'user=NAME&after=9007199254740993', 'after must be'],
  ])('%s closes with 4400', async (_what, query, reason) => {
    const client = new TestClient(`${url}/v1/connect?${query.replace('NAME', mallory)}`, '');
    const close = await client.untilClosed();
    expect(close.code).toBe(4400);
    expect(close.reason).toContain(reason);
    expect(client.frames).toEqual([]);
  });

  it.each(['user=%', 'user=%zz', 'user=%ff%fe', 'user&user', '&&&=', `user=${'%41'.repeat(5_000)}`])(
    'the query %j does no harm',
    async (query) => {
      const client = new TestClient(`${url}/v1/connect?${query}`, '');
      await until('an answer', () => client.closed ?? client.frames.length > 0);
      client.socket.terminate();
    },
  );
});
