/** Sending over HTTP to a real node: the same path, ids and guarantees as on a WebSocket. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiClient } from './testing/api-client.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

let node: TestNode;
let api: ApiClient;
let alice: string;
let bob: string;
/** `POST /v1/messages` of the process that owns alice. */
let messages: string;
let socketUrl: string;
let id = 1_000;

beforeAll(async () => {
  node = await startTestNode({ settings: { userRate: { perSecond: 100, burst: 500 } } });
  [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
  socketUrl = await node.urlOf(alice);
  messages = `${socketUrl.replace('ws', 'http')}/v1/messages?user=${alice}`;
  api = await ApiClient.of(node.url);
});

afterAll(cleanUp);

describe('a message', () => {
  it('is stored, pushed to the recipient and to the sender’s own devices, and acknowledged', async () => {
    const phone = await TestClient.open(socketUrl, alice);
    const b = await TestClient.open(await node.urlOf(bob), bob);
    const { status, body } = await api.post(messages, { id: ++id, to: bob, body: 'hällo' });
    expect([status, body]).toEqual([200, { id, seq: expect.any(Number), time: expect.any(Number) }]);
    expect(await b.next('message')).toMatchObject({ direction: 'in', id, peer: alice, body: 'hällo', time: body.time });
    expect(await phone.next('message')).toMatchObject({
      direction: 'out',
      id,
      seq: body.seq,
      peer: bob,
      body: 'hällo',
    });
    await phone.close();
    await b.close();
  });

  it('may have any bytes for its body', async () => {
    const to = node.userOn(0, 'bytes');
    const bodyBase64 = Buffer.from([0, 255, 1]).toString('base64');
    expect((await api.post(messages, { id: ++id, to, bodyBase64 })).status).toBe(200);
    const history = `${socketUrl.replace('ws', 'http')}/v1/timeline?user=${to}`;
    const { entries } = await until('the message', async () => {
      const { body } = await api.get(history);
      return body.entries!.length === 1 && body;
    });
    expect(entries).toMatchObject([{ direction: 'in', bodyBase64 }]);
  });

  it('sent again with the same id has the same result, and there is one copy', async () => {
    const to = node.userOn(1, 'once');
    const message = { id: ++id, to, body: 'once' };
    const first = await api.post(messages, message);
    expect((await api.post(messages, message)).body).toEqual(first.body);
    const device = await TestClient.open(socketUrl, alice);
    device.send({ type: 'send', ...message });
    expect(await device.next('sent')).toMatchObject(first.body);
    const reader = await TestClient.open(await node.urlOf(to), to);
    expect((await reader.next('message')).body).toBe('once');
    await api.post(messages, { id: ++id, to, body: 'end' });
    expect((await reader.next('message')).body).toBe('end');
    await device.close();
    await reader.close();
  });

  it('sent many times at once is one message', async () => {
    const to = node.userOn(0, 'crowd');
    const message = { id: ++id, to, body: 'crowd' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => api.post(messages, message)));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    const history = `${socketUrl.replace('ws', 'http')}/v1/timeline?user=${to}`;
    expect((await api.get(history)).body.entries).toHaveLength(1);
  });

  it('of an id that went to somebody else is a conflict', async () => {
    await api.post(messages, { id: ++id, to: bob, body: 'x' });
    const { status, body } = await api.post(messages, { id, to: 'somebody-else', body: 'x' });
    expect([status, body.code]).toEqual([409, 1005]);
  });

  it('of a user of another process is sent there', async () => {
    const { status, body } = await api.post(messages.replace(alice, bob), { id: ++id, to: alice, body: 'x' });
    expect([status, body.url]).toEqual([421, await node.urlOf(bob)]);
  });

  it('beyond its user’s rate is refused with the time to wait', async () => {
    const user = node.userOn(0, 'hasty');
    const send = (n: number) => api.post(messages.replace(alice, user), { id: n, to: bob, body: '' });
    let n = 0;
    // A busy machine may take so long for some hundred that they stay within the rate.
    const refused = await until('some to be refused', async () => {
      const answers = await Promise.all(Array.from({ length: 600 }, () => send(++n)));
      const others = answers.filter(({ status }) => status !== 200);
      return others.length > 0 && others;
    });
    for (const { status, body, headers } of refused) {
      expect([status, body.code, body.retryAfterMs! > 0]).toEqual([429, 1009, true]);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
  });
});

describe('a bad request', () => {
  it.each([
    ['that is not JSON', '{"id":', 'the body is not JSON'],
    ['that is empty', '', 'the body is not JSON'],
    ['that is no object', '[]', 'the body is not a JSON object'],
    ['null', 'null', 'the body is not a JSON object'],
    ['nested deep', `${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'the body is not a JSON object'],
    ['that is not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22]), 'the body is not UTF-8'],
    ['without an id', { to: 'bob', body: '' }, '"id"'],
    ['with a fraction for its id', { id: 1.5, to: 'bob', body: '' }, '"id"'],
    ['without a recipient', { id: 1, body: '' }, '"to"'],
    ['with two recipients', { id: 1, to: 'bob', group: 'g', body: '' }, '"to"'],
    ['with an impossible recipient', { id: 1, to: 'a\nb', body: '' }, '"to"'],
    ['without a body', { id: 1, to: 'bob' }, '"body"'],
    ['with two bodies', { id: 1, to: 'bob', body: '', bodyBase64: '' }, '"body"'],
    ['with a body that is no text', { id: 1, to: 'bob', body: 5 }, '"body"'],
    ['with bad base64', { id: 1, to: 'bob', bodyBase64: '*' }, '"bodyBase64"'],
    ['with another type', '{"type":"ack","seq":1}', '"id"'],
    ['with a prototype', '{"__proto__":{"id":1,"to":"bob","body":""}}', '"id"'],
  ])('%s says what is wrong', async (_what, sent, sentence) => {
    const { status, body } = await api.post(messages, sent);
    expect([status, body.error]).toEqual([400, expect.stringContaining(sentence)]);
  });

  it('without a user, or with one that can’t be decoded, says so', async () => {
    const at = messages.split('?')[0]!;
    for (const query of ['', '?user=', '?user=%zz', '?user=%ff%fe', '?user=a%0Ab', '?user']) {
      const { status, body } = await api.post(`${at}${query}`, { id: 1, to: 'bob', body: '' });
      expect([query, status, body.error]).toEqual([query, 400, expect.stringContaining('user')]);
    }
  });
});

describe('a body that is too large', () => {
  it('for a message is error 1002', async () => {
    expect((await api.post(messages, { id: ++id, to: bob, body: 'x'.repeat(16_384) })).status).toBe(200);
    for (const size of [16_385, 60_000, 90_000]) {
      const { status, body } = await api.post(messages, { id: ++id, to: bob, body: 'x'.repeat(size) });
      expect([size, status, body.code]).toEqual([size, 413, 1002]);
    }
    const bodyBase64 = Buffer.alloc(20_000).toString('base64');
    expect((await api.post(messages, { id: ++id, to: bob, bodyBase64 })).body.code).toBe(1002);
  });

  it('for a request is refused, and the connection goes on', async () => {
    const { status, body } = await api.post(messages, 'x'.repeat(300_000));
    expect([status, body.error]).toEqual([413, expect.stringContaining('99328 bytes')]);
  });

  it('beyond all measure is cut off', async () => {
    const raw = openRaw(`Content-Length: 4000000000\r\n\r\n`);
    await until('the end', () => raw.ended);
    expect(raw.text).toMatch(/^HTTP\/1\.1 413 /);
  });

  it('that comes without end is cut off', async () => {
    const raw = openRaw('Transfer-Encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    for (let i = 0; i < 100 && !raw.ended; i++) {
      raw.socket.write(chunk);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until('the end', () => raw.ended);
  });
});

it('a client that hangs up while it sends, or before the answer, disturbs nobody', async () => {
  const to = node.userOn(0, 'patient');
  for (let i = 0; i < 20; i++) {
    const body = JSON.stringify({ id: ++id, to, body: 'gone' });
    const raw = openRaw(`Content-Length: ${body.length}\r\n\r\n${i % 2 ? body : body.slice(0, -5)}`);
    await until('the connection', () => raw.connected);
    raw.socket.destroy();
  }
  expect((await api.post(messages, { id: ++id, to, body: 'stayed' })).status).toBe(200);
});

it('a body that never comes is waited for a while only', { timeout: 40_000 }, async () => {
  const raw = openRaw('Content-Length: 50\r\n\r\n{"id":');
  const dribble = setInterval(() => raw.socket.write(' '), 1_000);
  await until('the end', () => raw.ended, 35_000);
  clearInterval(dribble);
});

interface Raw {
  socket: ReturnType<typeof connect>;
  text: string;
  connected: boolean;
  ended: boolean;
}

/** A request whose head ends as given, over a bare connection. */
function openRaw(rest: string): Raw {
  const { host, port, pathname, search } = new URL(messages);
  const socket = connect(Number(port), '127.0.0.1');
  const raw: Raw = { socket, text: '', connected: false, ended: false };
  socket.on('connect', () => {
    raw.connected = true;
  });
  socket.on('data', (chunk) => {
    raw.text += chunk.toString();
  });
  socket.on('error', () => {}); // the close follows
  socket.on('close', () => {
    raw.ended = true;
  });
  socket.write(`POST ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\n${rest}`);
  return raw;
}
