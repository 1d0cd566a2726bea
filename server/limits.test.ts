/** Limits of a node, from outside: write deadline, connection cap, expiry and revocation of tokens, rates of users and addresses. */
import { createSigner } from 'fast-jwt';
import { afterEach, describe, expect, it } from 'vitest';
import { encodeSend } from './protocol/codec.ts';
import { BINARY_SUBPROTOCOL } from './protocol/messages.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';
import { signToken } from './transport/authentication.ts';

const SECRET = 'a secret for tests';

afterEach(cleanUp);

async function closes(node: TestNode, reason: string): Promise<number> {
  const { shards } = await node.stats();
  return shards.reduce((total, { stats }) => total + (stats?.closes[reason] ?? 0), 0);
}

function post(url: string, path: string, body: object, token?: string): Promise<Response> {
  return fetch(`${url.replace('ws:', 'http:')}${path}`, {
    method: 'POST',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  });
}

it('a connection whose backlog does not move is closed after the deadline, and misses nothing', async () => {
  const node = await startTestNode({
    shards: 1,
    maxBacklogBytes: 256 * 1024 * 1024,
    settings: { writeDeadlineSeconds: 2 },
  });
  const url = await node.urlOf('bob');
  const a = await TestClient.open(url, 'alice', { protocol: BINARY_SUBPROTOCOL });
  let b = await TestClient.open(url, 'bob', { protocol: BINARY_SUBPROTOCOL });
  // One that reads and has nothing to read lives on.
  const idle = await TestClient.open(url, 'idle');
  b.socket.pause();
  const body = Buffer.alloc(16_000, 'x');
  const last = 1_200;
  for (let id = 1; id <= last; ) {
    for (let i = 0; i < 100; i++, id++) a.write((writer) => encodeSend(writer, id, 'bob', body));
    await a.count('sent', id - 1);
  }
  await until('the deadline', async () => (await closes(node, 'slow-consumer')) === 1);
  b.socket.resume();
  expect([4408, 1006]).toContain((await b.untilClosed()).code);
  const seqs = b.of('message').map(({ seq }) => seq!);
  b = await TestClient.open(url, 'bob', { protocol: BINARY_SUBPROTOCOL, after: seqs.length });
  await until('the rest', () => seqs.length + b.of('message').length === last);
  expect([...seqs, ...b.of('message').map(({ seq }) => seq)]).toEqual(Array.from({ length: last }, (_, i) => i + 1));
  expect(idle.closed).toBeNull();
  expect(await closes(node, 'slow-consumer')).toBe(1);
}, 60_000);

it('the oldest connection of a user gives way to one too many, with 4429', async () => {
  const node = await startTestNode({ settings: { maxConnectionsPerUser: 2 } });
  const url = await node.urlOf('alice');
  const [first, second, third] = [
    await TestClient.open(url, 'alice', { device: 'one' }),
    await TestClient.open(url, 'alice', { device: 'two' }),
    await TestClient.open(url, 'alice', { device: 'three' }),
  ];
  expect(await first.untilClosed()).toMatchObject({ code: 4429, reason: expect.stringContaining('oldest') });
  third.send({ type: 'send', id: 1, to: 'alice', body: 'still here' });
  expect(await second.next('message')).toMatchObject({ direction: 'out', body: 'still here' });
  expect(third.closed).toBeNull();
  await until('the count', async () => (await closes(node, 'too-many-connections')) === 1);
});

describe('a token', () => {
  it('that expires ends its connection with 4402, and a new one resumes', async () => {
    const node = await startTestNode({ authSecret: SECRET });
    const url = await node.urlOf('alice');
    const short = await TestClient.open(url, 'alice', { token: signToken(SECRET, 'alice', 2) });
    const long = await TestClient.open(url, 'alice', { token: signToken(SECRET, 'alice', 60), device: 'other' });
    expect((await short.untilClosed()).code).toBe(4402);
    long.send({ type: 'send', id: 1, to: 'alice', body: 'meanwhile' });
    await long.next('sent');
    const again = await TestClient.open(url, 'alice', { token: signToken(SECRET, 'alice', 60), after: 0 });
    expect(await again.next('message')).toMatchObject({ body: 'meanwhile' });
    await until('the count', async () => (await closes(node, 'token-expired')) === 1);
  });

  it('that was revoked is refused everywhere, also after a restart, and ends its connection with 4403', async () => {
    const node = await startTestNode({ authSecret: SECRET });
    const url = await node.urlOf('alice');
    const admin = signToken(SECRET, 'operator', 60, { admin: true });
    const now = Math.floor(Date.now() / 1_000);
    const old = signToken(SECRET, 'alice', 600, { iat: now - 100 });
    const fresh = signToken(SECRET, 'alice', 600, { iat: now - 10 });
    const a = await TestClient.open(url, 'alice', { token: old });
    const b = await TestClient.open(url, 'alice', { token: fresh, device: 'fresh' });

    const answer = await post(url, '/v1/admin/revoke', { user: 'alice', before: now - 50 }, admin);
    expect([answer.status, await answer.json()]).toEqual([200, { user: 'alice', before: now - 50 }]);
    expect((await a.untilClosed()).code).toBe(4403);
    // An earlier time does not give back what was taken.
    const earlier = await post(url, '/v1/admin/revoke', { user: 'alice', before: 0 }, admin);
    expect(await earlier.json()).toEqual({ user: 'alice', before: now - 50 });
    expect(b.closed).toBeNull();

    const check = async (at: string): Promise<void> => {
      const refused = new TestClient(at, 'alice', { token: old });
      expect((await refused.untilClosed()).code).toBe(4403);
      const history = (token: string) =>
        fetch(`${at.replace('ws:', 'http:')}/v1/timeline?user=alice`, {
          headers: { authorization: `Bearer ${token}` },
        });
      const response = await history(old);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code: 4403 });
      expect((await history(fresh)).status).toBe(200);
    };
    await check(url);
    await node.stop();
    const second = await startTestNode({ authSecret: SECRET, store: { kind: 'level', directory: node.directory } });
    await check(await second.urlOf('alice'));
  });

  it('without a time of issue counts as issued before everything', async () => {
    const node = await startTestNode({ authSecret: SECRET });
    const url = await node.urlOf('alice');
    const admin = signToken(SECRET, 'operator', 60, { admin: true });
    const sign = createSigner({ key: SECRET, algorithm: 'HS256', noTimestamp: true });
    const timeless = sign({ sub: 'alice', exp: Math.floor(Date.now() / 1_000) + 60 });
    const a = await TestClient.open(url, 'alice', { token: timeless });
    await post(url, '/v1/admin/revoke', { user: 'alice', before: 0 }, admin);
    expect((await a.untilClosed()).code).toBe(4403);
  });
});

describe('who asks to revoke', () => {
  it('must be an administrator, say whom, at the right place, and mean seconds', async () => {
    const node = await startTestNode({ authSecret: SECRET });
    const [here, there] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
    const url = await node.urlOf(here);
    const admin = signToken(SECRET, 'operator', 60, { admin: true });
    const refusal = async (body: object, token?: string) => {
      const response = await post(url, '/v1/admin/revoke', body, token);
      return [response.status, ((await response.json()) as { error: string }).error];
    };
    const user = signToken(SECRET, here, 60);
    expect(await refusal({ user: here })).toEqual([401, 'no token was given']);
    expect(await refusal({ user: here }, user)).toEqual([401, 'the token is not an administrator’s']);
    expect(await refusal({ user: here }, signToken(SECRET, here, 60, { admin: 'true' }))).toMatchObject([401, {}]);
    expect(await refusal({ user: here }, signToken('another', here, 60, { admin: true }))).toMatchObject([401, {}]);
    expect(await refusal({}, admin)).toEqual([400, 'user is missing']);
    expect(await refusal({ user: 7 }, admin)).toEqual([400, 'user is missing']);
    expect(await refusal({ user: here, before: Date.now() }, admin)).toEqual([400, expect.stringContaining('milli')]);
    expect(await refusal({ user: here, before: '7' }, admin)).toEqual([400, expect.stringContaining('whole number')]);
    const misdirected = await post(url, '/v1/admin/revoke', { user: there }, admin);
    expect(misdirected.status).toBe(421);
    expect(await misdirected.json()).toMatchObject({ url: await node.urlOf(there) });
    const client = await TestClient.open(url, here, { token: user });
    expect(client.closed).toBeNull();
  });

  it('needs no token in development mode, where only open connections end', async () => {
    const node = await startTestNode({});
    const url = await node.urlOf('alice');
    const a = await TestClient.open(url, 'alice');
    const before = Math.floor(Date.now() / 1_000);
    expect((await post(url, '/v1/admin/revoke', { user: 'alice', before })).status).toBe(200);
    expect((await a.untilClosed()).code).toBe(4403);
  });
});

describe('the rate of a user', () => {
  it('is shared by all connections and HTTP, and says truly when to come back', async () => {
    const node = await startTestNode({ settings: { userRate: { perSecond: 1, burst: 4 } } });
    const url = await node.urlOf('alice');
    const phone = await TestClient.open(url, 'alice', { device: 'phone' });
    const laptop = await TestClient.open(url, 'alice', { device: 'laptop' });
    phone.send({ type: 'send', id: 1, to: 'bob', body: '' });
    phone.send({ type: 'send', id: 2, to: 'bob', body: '' });
    await phone.count('sent', 2);
    laptop.send({ type: 'send', id: 3, to: 'bob', body: '' });
    await laptop.count('sent', 1);
    expect((await post(url, '/v1/messages?user=alice', { id: 4, to: 'bob', body: '' })).status).toBe(200);
    const refused = await post(url, '/v1/messages?user=alice', { id: 5, to: 'bob', body: '' });
    const problem = (await refused.json()) as { code: number; retryAfterMs: number };
    expect(refused.status).toBe(429);
    expect(problem.code).toBe(1009);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(problem.retryAfterMs).toBeLessThanOrEqual(1_000);
    phone.send({ type: 'send', id: 6, to: 'bob', body: '' });
    const error = await phone.next('error');
    expect(error).toMatchObject({ code: 1009, id: 6 });
    // A timer may fire a millisecond early.
    await new Promise((resolve) =>
      setTimeout(resolve, (error as unknown as { retryAfterMs: number }).retryAfterMs + 2),
    );
    phone.send({ type: 'send', id: 6, to: 'bob', body: '' });
    expect(await phone.next('sent')).toMatchObject({ id: 6 });
    const metrics = await until('the counters', async () => {
      const text = await (await fetch(`${node.url}/metrics`)).text();
      return /messages_rate_limited_total\{shard="\d"\} 2/.test(text) && text;
    });
    expect(metrics).toContain('# TYPE plimsoll_closes_total counter');
  });
});

describe('the rate of an address', () => {
  it('answers 429 on every path of every port, and no upgrade', async () => {
    const node = await startTestNode({ shards: 1, settings: { addressRate: { perSecond: 1, burst: 5 } } });
    const url = await node.urlOf('alice');
    // The fifth request to the shard and the fifth to the router are the last.
    for (let i = 0; i < 5; i++) await fetch(`${url.replace('ws:', 'http:')}/v1/timeline?user=alice`);
    for (const path of ['/v1/timeline?user=alice', '/v1/openapi.json', '/nowhere', '/v1/messages']) {
      const response = await fetch(`${url.replace('ws:', 'http:')}${path}`);
      expect([path, response.status]).toEqual([path, 429]);
      expect(Number(response.headers.get('retry-after'))).toBe(1);
      expect(await response.json()).toMatchObject({ code: 1009, retryAfterMs: expect.any(Number) });
    }
    const client = new TestClient(url, 'alice');
    const status = await new Promise((resolve) =>
      client.socket.on('unexpected-response', (_request, { statusCode }) => resolve(statusCode)),
    );
    expect(status).toBe(429);
    client.socket.terminate();
    // After the time that it was told, the client is let in.
    const { retryAfterMs } = (await (await fetch(`${url.replace('ws:', 'http:')}/nowhere`)).json()) as {
      retryAfterMs: number;
    };
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs + 2));
    await TestClient.open(url, 'alice');
  });
});
