/** The node as PROTOCOL.md describes it, seen by a client of another library. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeAck, encodeSend, encodeStatus } from './protocol/codec.ts';
import { BINARY_SUBPROTOCOL, JSON_SUBPROTOCOL } from './protocol/messages.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { signToken } from './transport/authentication.ts';

const SECRET = 'correct horse battery staple';

let node: TestNode;
let clients: TestClient[] = [];

async function connect(user: string, options: ConstructorParameters<typeof TestClient>[2] = {}): Promise<TestClient> {
  const client = await TestClient.open(await node.urlOf(user), user, options);
  clients.push(client);
  return client;
}

afterEach(async () => {
  for (const client of clients) client.socket.terminate();
  clients = [];
});

describe('a session', () => {
  beforeAll(async () => {
    node = await startTestNode();
  });
  afterAll(cleanUp);

  it('in JSON has exactly the frames of the specification', async () => {
    const [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
    const a = await connect(alice, { device: 'phone' });
    expect(a.socket.protocol).toBe(JSON_SUBPROTOCOL);
    const { time } = a.frames[0]!;
    expect(a.raw).toEqual([
      `{"type":"welcome","user":"${alice}","device":"phone","head":0,"after":0,"time":${time},"idleTimeoutSeconds":120,"maxBodyBytes":16384}`,
    ]);
    expect(Math.abs(Date.now() - time!)).toBeLessThan(10_000);

    a.send({ type: 'send', id: 1234567890123456, to: bob, body: 'hi „zoë“', colour: 'unknown fields are ignored' });
    const sent = await a.next('sent');
    expect(a.raw[1]).toBe(`{"type":"sent","id":1234567890123456,"seq":1,"time":${sent.time}}`);
    expect(await a.next('receipt')).toEqual({ type: 'receipt', state: 'stored', peer: bob, upTo: 1 });

    const b = await connect(bob);
    await b.next('message');
    expect(b.raw[1]).toBe(
      `{"type":"message","direction":"in","seq":1,"id":1234567890123456,"time":${sent.time},"peer":"${alice}","body":"hi „zoë“"}`,
    );
    b.send({ type: 'ack', seq: 1 });
    expect(await a.next('receipt')).toEqual({ type: 'receipt', state: 'delivered', peer: bob, upTo: 1 });
    a.send({ type: 'status', peers: [bob, 'nobody'] });
    expect(await a.next('receipt')).toEqual({ type: 'receipt', state: 'delivered', peer: bob, upTo: 1 });

    b.send({ type: 'send', id: 1, to: alice, bodyBase64: '//79' });
    expect(await a.next('message')).toMatchObject({ direction: 'in', seq: 2, peer: bob, bodyBase64: '//79' });
    a.send({ type: 'send', id: 1234567890123456, to: bob, body: 'again' });
    expect(await a.next('sent')).toEqual(sent);
    await a.close();
    expect(a.closed!.code).toBe(1005);
  });

  it('in binary has the same frames as bytes, several in a message', async () => {
    const [alice, bob] = [node.userOn(0, 'binary-alice'), node.userOn(1, 'binary-bob')];
    const a = await connect(alice, { protocol: BINARY_SUBPROTOCOL });
    const b = await connect(bob, { protocol: BINARY_SUBPROTOCOL });
    expect(a.socket.protocol).toBe(BINARY_SUBPROTOCOL);
    expect((a.raw[0] as Buffer)[0]).toBe(0x81);
    a.write((writer) => {
      encodeSend(writer, 1, bob, Buffer.from([0, 255]));
      encodeSend(writer, 2, bob, Buffer.alloc(16_384, 'x'));
      encodeAck(writer, 0);
      encodeStatus(writer, []);
    });
    a.socket.send(Buffer.alloc(0));
    await a.count('sent', 2);
    await b.count('message', 2);
    expect(b.of('message').map(({ seq, id }) => [seq, id])).toEqual([
      [1, 1],
      [2, 2],
    ]);
    const first = b.raw.slice(1).map((bytes) => Buffer.from(bytes as Buffer));
    expect(Buffer.concat(first)[0]).toBe(0x83);
    b.write((writer) => encodeAck(writer, 2));
    expect(await a.next('receipt')).toEqual({ type: 'receipt', state: 'delivered', peer: bob, upTo: 2 });
  });

  it('speaks JSON with a client that asks for no subprotocol', async () => {
    const a = await connect(node.userOn(0, 'plain'), { protocol: null });
    expect(a.socket.protocol).toBe('');
    expect(typeof a.raw[0]).toBe('string');
  });

  it('resumes after a position, and resets one that does not exist', async () => {
    const [alice, bob] = [node.userOn(0, 'resume-alice'), node.userOn(1, 'resume-bob')];
    const a = await connect(alice);
    for (let id = 1; id <= 5; id++) a.send({ type: 'send', id, to: bob, body: `${id}` });
    await a.count('sent', 5);
    // Stored with its author is not yet stored with whom it is for, in another process.
    await (await connect(bob)).count('message', 5);
    const b = await connect(bob, { after: 3 });
    await b.count('message', 2);
    expect(b.frames[0]).toMatchObject({ head: 5, after: 3 });
    expect(b.of('message').map(({ seq, body }) => [seq, body])).toEqual([
      [4, '4'],
      [5, '5'],
    ]);
    const lost = await connect(bob, { after: 50 });
    expect(await lost.next('reset')).toEqual({ type: 'reset', position: 5 });
    expect(lost.frames[0]).toMatchObject({ head: 5, after: 5 });
  });

  it('may begin with a send before the welcome, also when the user must be read from the store', async () => {
    await node.stop();
    node = await startTestNode({ store: { kind: 'level', directory: node.directory } });
    const alice = node.userOn(0, 'resume-alice');
    const url = await node.urlOf(alice);
    const a = new TestClient(url, alice);
    clients.push(a);
    a.socket.on('open', () => {
      a.send({ type: 'send', id: 6, to: alice, body: 'impatient' });
      a.send({ type: 'send', id: 7, to: alice, body: 'very' });
    });
    await a.count('sent', 2);
    expect(a.frames[0]).toMatchObject({ type: 'welcome', head: 5 });
    expect(a.of('sent').map(({ id, seq }) => [id, seq])).toEqual([
      [6, 6],
      [7, 8],
    ]);
  });
});

describe('a client at the wrong place', () => {
  beforeAll(async () => {
    node = await startTestNode();
  });
  afterAll(cleanUp);

  it.each([
    ['another process', JSON_SUBPROTOCOL],
    ['another process', BINARY_SUBPROTOCOL],
    ['the router', JSON_SUBPROTOCOL],
    ['the router', BINARY_SUBPROTOCOL],
  ] as const)('at %s gets a redirect (%s) and code 4301, and follows it', async (place, protocol) => {
    const [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
    const right = await node.urlOf(alice);
    const wrong = place === 'the router' ? node.url.replace('http', 'ws') : await node.urlOf(bob);
    expect(wrong).not.toBe(right);
    const a = new TestClient(wrong, alice, { protocol });
    expect((await a.untilClosed()).code).toBe(4301);
    expect(a.frames).toEqual([{ type: 'redirect', url: right }]);
    expect((await connect(alice, { protocol })).frames[0]!.type).toBe('welcome');
  });

  it('is sent to the name by which it came', async () => {
    const [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
    const headers = { host: 'chat.example:80' };
    for (const url of [node.url.replace('http', 'ws'), await node.urlOf(bob)]) {
      const a = new TestClient(url, alice, { headers });
      await a.untilClosed();
      const port = new URL(await node.urlOf(alice)).port;
      expect(a.frames).toEqual([{ type: 'redirect', url: `ws://chat.example:${port}` }]);
    }
  });
});

describe('a token', () => {
  let alice: string;
  beforeAll(async () => {
    node = await startTestNode({ authSecret: SECRET });
    alice = node.userOn(0, 'alice');
  });
  afterAll(cleanUp);

  it('is good in the query and in the header', async () => {
    const token = signToken(SECRET, alice, 60);
    await connect(alice, { token });
    await connect(alice, { headers: { authorization: `Bearer ${token}` } });
    expect((await node.stats()).development).toBe(false);
  });

  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"alice0","exp":9999999999}').toString('base64url')}.`;
  it.each<[string, () => string | undefined, string]>([
    ['missing', () => undefined, 'no token'],
    ['of another secret', () => signToken('another secret', alice, 60), 'not valid'],
    ['of another user', () => signToken(SECRET, 'mallory', 60), 'another user'],
    ['expired', () => signToken(SECRET, alice, -60), 'expired'],
    ['no token at all', () => 'rubbish', 'not valid'],
    ['unsigned', () => unsigned, 'not valid'],
  ])('that is %s closes with 4401', async (_what, make, reason) => {
    const token = make();
    const a = new TestClient(await node.urlOf(alice), alice, token === undefined ? {} : { token });
    const close = await a.untilClosed();
    expect(close.code).toBe(4401);
    expect(close.reason).toContain(reason);
    expect(a.frames).toEqual([]);
  });
});
