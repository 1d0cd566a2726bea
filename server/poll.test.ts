/** Long polling against a real node. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiAnswer, ApiClient } from './testing/api-client.ts';
import { type Frame, TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';
import { signToken } from './transport/authentication.ts';

const SECRET = 'a secret for tests';
/** Longer than the library lets a connection be idle. */
const MAX_POLL_MS = 13_000;
const SETTINGS = {
  pollGraceMs: 1_500,
  presenceDebounceMs: 0,
  maxPollMs: MAX_POLL_MS,
  userRate: { perSecond: 0, burst: 0 },
};

let node: TestNode;
let api: ApiClient;
let names = 0;
/** Begun before everything else, ended after it. */
let longPoll: Promise<{ answer: ApiAnswer; tookMs: number }>;

beforeAll(async () => {
  node = await startTestNode({ authSecret: SECRET, settings: SETTINGS });
  api = await ApiClient.of(node.url);
  const started = performance.now();
  longPoll = poll(newUser(0, 'patient'), '&timeout=999999999').then((answer) => ({
    answer,
    tookMs: performance.now() - started,
  }));
});

afterAll(cleanUp);

const newUser = (process: number, name: string): string => node.userOn(process, `${name}${++names}-`);
const open = async (user: string, options: ConstructorParameters<typeof TestClient>[2] = {}): Promise<TestClient> =>
  TestClient.open(await node.urlOf(user), user, { token: signToken(SECRET, user, 60), ...options });

async function poll(user: string, query = '', signal?: AbortSignal, at = node): Promise<ApiAnswer> {
  const url = `${(await at.urlOf(user)).replace('ws', 'http')}/v1/poll?user=${encodeURIComponent(user)}${query}`;
  const headers = { authorization: `Bearer ${signToken(SECRET, user, 60)}` };
  return api.get(url, signal === undefined ? { headers } : { headers, signal });
}

/** Polls until it has what `enough` wants; a process that is away is asked again. */
async function follow(user: string, enough: (frames: Frame[]) => boolean, limit = 100, at = node): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (let after = 0; !enough(frames); ) {
    const answer = await poll(user, `&after=${after}&limit=${limit}&timeout=2000`, undefined, at).catch(() => null);
    if (answer === null || answer.status !== 200) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    expect(answer.body.reset).toBeUndefined();
    frames.push(...answer.body.frames!.filter(({ type }) => type === 'message'));
    after = answer.body.after!;
  }
  return frames;
}

const sequences = (frames: Frame[]): number[] => frames.map(({ seq }) => seq!);
const range = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe('a user with two devices', () => {
  it('sees the same by polling as on a WebSocket, entry by entry', async () => {
    const [alice, bob] = [newUser(0, 'alice'), newUser(1, 'bob')];
    const a = await open(alice);
    const socket = await open(bob, { device: 'laptop', after: 0 });
    const polling = follow(bob, (frames) => frames.length >= 100, 7);
    const sender = await open(bob, { device: 'phone', after: 0 });
    for (let id = 1; id <= 80; id++) {
      a.send({ type: 'send', id, to: bob, body: `to bob ${id}` });
      if (id % 4 === 0) sender.send({ type: 'send', id, to: alice, body: `from bob ${id}` });
      if (id % 16 === 0) await a.count('sent', id);
    }
    const frames = await polling;
    expect(sequences(frames)).toEqual(range(1, 100));
    expect(await socket.count('message', 100)).toEqual(frames);
    for (const client of [a, socket, sender]) await client.close();
  });

  it('acknowledges by polling, and the sender is told', async () => {
    const [alice, bob] = [newUser(0, 'alice'), newUser(1, 'bob')];
    const a = await open(alice);
    // From here on he counts as connected.
    await poll(bob, '&timeout=0');
    const held = poll(bob, '&after=0');
    a.send({ type: 'send', id: 1, to: bob, body: 'hi' });
    const { seq } = await a.next('sent');
    expect((await held).body).toMatchObject({ user: bob, after: 1, frames: [{ type: 'message', body: 'hi' }] });
    expect(a.of('receipt').filter(({ state }) => state === 'delivered')).toEqual([]);
    expect((await poll(bob, '&after=1&timeout=0')).body).toEqual({ user: bob, head: 1, after: 1, frames: [] });
    expect(await a.next('receipt')).toMatchObject({ state: 'delivered', peer: bob, upTo: seq });
    const token = signToken(SECRET, alice, 60);
    const receipts = `${(await node.urlOf(alice)).replace('ws', 'http')}/v1/receipts?user=${alice}&token=${token}`;
    const known = [{ type: 'receipt', state: 'delivered', peer: bob, upTo: seq }];
    expect((await api.get(`${receipts}&peers=nobody,${bob}`)).body).toEqual({ user: alice, receipts: known });
    const bad = ['%zz', 'x'.repeat(65), Array.from({ length: 257 }, (_, i) => i).join(',')];
    for (const peers of bad) expect((await api.get(`${receipts}&peers=${peers}`)).status).toBe(400);
    // Without a position a poll starts at what was acknowledged.
    expect((await poll(bob, '&timeout=0')).body).toMatchObject({ after: 1, frames: [] });
    await a.close();
  });
});

describe('a poll', () => {
  it('holds until something arrives', async () => {
    const [alice, bob] = [newUser(0, 'alice'), newUser(0, 'bob')];
    const a = await open(alice);
    let answered = false;
    const held = poll(bob).finally(() => {
      answered = true;
    });
    // Another device's poll of the same time comes back first.
    await poll(bob, '&device=other&timeout=200');
    expect(answered).toBe(false);
    a.send({ type: 'send', id: 1, to: bob, body: 'at last' });
    expect((await held).body.frames).toMatchObject([{ seq: 1, body: 'at last' }]);
    await a.close();
  });

  it('holds no longer than it is asked to', async () => {
    const bob = newUser(1, 'bob');
    const started = performance.now();
    expect((await poll(bob, '&timeout=300')).body).toEqual({ user: bob, head: 0, after: 0, frames: [] });
    const tookMs = performance.now() - started;
    expect([tookMs > 290, tookMs < 4_000]).toEqual([true, true]);
  });

  it('is told when another of the same device takes its place', async () => {
    const bob = newUser(0, 'bob');
    const first = poll(bob, '&device=phone');
    const answers = await Promise.all([first, poll(bob, '&device=phone&timeout=500')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  });

  it('that its client gives up leaves no trace but the grace', async () => {
    const [alice, bob] = [newUser(1, 'alice'), newUser(0, 'bob')];
    const a = await open(alice);
    const controller = new AbortController();
    const given = poll(bob, '&after=0', controller.signal).catch(() => 'aborted');
    await poll(bob, '&device=other&timeout=0');
    controller.abort();
    expect(await given).toBe('aborted');
    a.send({ type: 'send', id: 1, to: bob, body: 'still yours' });
    // Nobody asks any more: what waits is told as stored once the grace is over.
    expect(await a.next('receipt')).toMatchObject({ state: 'stored', peer: bob });
    expect((await poll(bob, '&after=0')).body.frames).toMatchObject([{ seq: 1, body: 'still yours' }]);
    await a.close();
  });

  it('counts as a connection until its grace is over', async () => {
    const [alice, bob] = [newUser(1, 'alice'), newUser(0, 'bob')];
    const a = await open(alice);
    await poll(bob, '&timeout=0');
    a.send({ type: 'send', id: 1, to: bob, body: 'in the grace' });
    await a.next('sent');
    expect((await poll(bob, '&after=0')).body.frames).toHaveLength(1);
    expect(a.of('receipt')).toEqual([]);
    expect(await a.next('receipt')).toMatchObject({ state: 'stored' });
    expect((await poll(bob, '&after=1&timeout=0')).body.frames).toEqual([]);
    expect(await a.next('receipt')).toMatchObject({ state: 'delivered' });
    await a.close();
  });

  it('makes its user online until its grace is over', async () => {
    const [alice, bob] = [newUser(0, 'alice'), newUser(1, 'bob, or so ')];
    await poll(bob, '&timeout=0');
    const url = `${(await node.urlOf(alice)).replace('ws', 'http')}/v1/presence?user=${alice}`;
    const headers = { authorization: `Bearer ${signToken(SECRET, alice, 60)}` };
    const states = async () =>
      (await api.get(`${url}&users=${encodeURIComponent(bob)},${alice}`, { headers })).body.users!;
    expect(await states()).toEqual([
      { user: bob, state: 'online' },
      { user: alice, state: 'offline' },
    ]);
    await until('bob to be offline', async () => (await states())[0]!.state === 'offline');
  });

  it('beyond the head is reset', async () => {
    const bob = newUser(1, 'bob');
    expect((await poll(bob, '&after=77')).body).toEqual({
      user: bob,
      head: 0,
      after: 0,
      reset: { position: 0 },
      frames: [],
    });
  });

  it('of a user of another process is sent there', async () => {
    const [alice, bob] = [newUser(0, 'alice'), newUser(1, 'bob')];
    const url = `${(await node.urlOf(alice)).replace('ws', 'http')}/v1/poll?user=${bob}`;
    const { status, body } = await api.get(`${url}&token=${signToken(SECRET, bob, 60)}`);
    expect([status, body.url]).toEqual([421, await node.urlOf(bob)]);
  });

  it('is for the user alone, and no longer than the token is good', async () => {
    const bob = newUser(0, 'bob');
    const url = `${(await node.urlOf(bob)).replace('ws', 'http')}/v1/poll?user=${bob}`;
    expect((await api.get(url)).status).toBe(401);
    expect((await api.get(`${url}&token=${signToken(SECRET, 'another', 60)}`)).status).toBe(401);
    const started = performance.now();
    const { status } = await api.get(`${url}&timeout=5000&token=${signToken(SECRET, bob, 2)}`);
    expect([status, performance.now() - started < 2_500]).toEqual([200, true]);
  });

  it('ends when the token is revoked', async () => {
    const bob = newUser(0, 'bob');
    const held = poll(bob);
    await poll(bob, '&device=other&timeout=0');
    const admin = { authorization: `Bearer ${signToken(SECRET, 'operator', 60, { admin: true })}` };
    const revoke = `${(await node.urlOf(bob)).replace('ws', 'http')}/v1/admin/revoke`;
    expect((await api.post(revoke, { user: bob }, { headers: admin })).status).toBe(200);
    const { status, body } = await held;
    expect([status, body.code]).toEqual([401, 4403]);
    expect((await poll(bob)).body.code).toBe(4403);
  });

  it.each(['after=-1', 'after=1.5', 'after=x', 'after=9007199254740993', 'timeout=-1', 'timeout=1e3', 'limit=many'])(
    'refuses %s',
    async (parameter) => {
      const { status, body } = await poll(newUser(0, 'bob'), `&${parameter}`);
      expect([status, body.error]).toEqual([400, expect.stringContaining(parameter.split('=')[0]!)]);
    },
  );

  it.each(['', 'x'.repeat(33), '%zz', '%ff', 'a%0Ab'])('refuses the device %j', async (device) => {
    const { status, body } = await poll(newUser(0, 'bob'), `&device=${device}`);
    expect([status, body.error]).toEqual([400, expect.stringContaining('device')]);
  });
});

describe('a process that ends', () => {
  it('by force costs a polling client nothing but a repetition', async () => {
    const [alice, bob] = [newUser(0, 'alice'), newUser(1, 'bob')];
    const a = await open(alice);
    const polling = follow(bob, (frames) => frames.length >= 60, 5);
    for (let id = 1; id <= 60; id++) {
      a.send({ type: 'send', id, to: bob, body: `${id}` });
      await a.count('sent', id);
      if (id === 20) process.kill((await node.shardPids())[1]!, 'SIGKILL');
    }
    const frames = await polling;
    expect(sequences(frames)).toEqual(range(1, 60));
    expect(frames.map(({ body }) => body)).toEqual(range(1, 60).map(String));
    await a.close();
  });

  it('and comes back one after another costs nothing either, nor a client that sends over HTTP', async () => {
    const other = await startTestNode({ authSecret: SECRET });
    const [alice, bob] = [other.userOn(0, 'alice'), other.userOn(1, 'bob')];
    const polling = follow(bob, (frames) => frames.length >= 40, 100, other);
    const pids = await other.shardPids();
    const send = async (id: number): Promise<ApiAnswer> => {
      const url = `${(await other.urlOf(alice)).replace('ws', 'http')}/v1/messages?user=${alice}`;
      return api.post(`${url}&token=${signToken(SECRET, alice, 60)}`, { id, to: bob, body: `${id}` });
    };
    let restarted = false;
    for (let id = 1; id <= 40; id++) {
      if (id === 10) other.signal('SIGHUP');
      // From the 30th on only when all processes are new.
      if (id === 30) {
        await until('all processes to be new', async () => {
          const now = await other.shardPids();
          return now.every((pid) => !pids.includes(pid));
        });
        restarted = true;
      }
      await until('the message to be sent', async () => (await send(id).catch(() => null))?.status === 200);
    }
    const frames = await polling;
    expect(restarted).toBe(true);
    expect(sequences(frames)).toEqual(range(1, 40));
    expect(frames.map(({ body }) => body)).toEqual(range(1, 40).map(String));
  });

  it('in order answers its polls, and says that it is worth asking again', async () => {
    const other = await startTestNode({ authSecret: SECRET });
    const bob = other.userOn(0, 'bob');
    const url = `${(await other.urlOf(bob)).replace('ws', 'http')}/v1/poll?user=${bob}&token=${signToken(SECRET, bob, 60)}`;
    const held = api.get(url);
    await api.get(`${url}&device=other&timeout=0`);
    other.signal('SIGTERM');
    const { status, body, headers } = await held;
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 1006, '1']);
    expect(await other.exited).toMatchObject({ code: 0 });
  });
});

describe('a wrong method or path', () => {
  it.each([
    ['POST', '/v1/poll', 'GET'],
    ['GET', '/v1/messages', 'POST'],
    ['DELETE', '/v1/timeline', 'GET'],
    ['PUT', '/v1/openapi.json', 'GET'],
    ['PATCH', '/v1/connect', 'GET'],
  ])('%s %s is told what is allowed', async (method, path, allow) => {
    const at = (await node.urlOf(newUser(0, 'bob'))).replace('ws', 'http');
    const response = await fetch(`${at}${path}`, { method, body: method === 'GET' ? null : 'x' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow]);
    expect(await response.json()).toEqual({ error: `only ${allow} is allowed here` });
  });

  it('of the router, too', async () => {
    const response = await fetch(`${node.url}/v1/route`, { method: 'POST', body: '{}' });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
  });

  it('or a head beyond its bound, is refused', async () => {
    const { status } = await fetch(`${node.url}/v1/route?user=bob&token=${'x'.repeat(5_000)}`);
    expect(status).toBe(431);
  });

  it('of the WebSocket without its upgrade says what it is', async () => {
    const at = (await node.urlOf(newUser(0, 'bob'))).replace('ws', 'http');
    const { status, headers } = await api.get(`${at}/v1/connect?user=bob`);
    expect([status, headers.get('upgrade')]).toEqual([426, 'websocket']);
  });
});

it('every port has the same document, and it is the one that answers are held against', async () => {
  const shard = (await node.urlOf(newUser(0, 'bob'))).replace('ws', 'http');
  const { text } = await api.get(`${shard}/v1/openapi.json`);
  expect(JSON.parse(text)).toEqual(api.document);
});

it('the router’s answers fit the document', async () => {
  for (const path of ['route?user=zo%C3%AB', 'route?group=chess', 'shards', 'health', 'stats']) {
    expect((await api.get(`${node.url}/v1/${path}`)).status).toBe(200);
  }
  expect((await api.get(`${node.url}/v1/route?group=chess`)).body).toMatchObject({ group: 'chess' });
  for (const query of ['', '?user=', '?user=%zz', '?group=', `?group=${'x'.repeat(65)}`]) {
    expect((await api.get(`${node.url}/v1/route${query}`)).status).toBe(400);
  }
  expect((await api.get(`${node.url}/metrics`)).status).toBe(200);
});

it('a poll is held as long as the server allows, and no longer', async () => {
  const { answer, tookMs } = await longPoll;
  expect([answer.status, answer.body.frames]).toEqual([200, []]);
  expect([tookMs > MAX_POLL_MS - 10, tookMs < MAX_POLL_MS + 4_000]).toEqual([true, true]);
});

it('no process was lost to any of it but the one that was killed', async () => {
  const stats = await until('all processes to be up', async () => {
    const { shards } = await node.stats();
    return shards.every(({ up }) => up) && shards;
  });
  expect(stats.map(({ restarts }) => restarts)).toEqual([0, 1]);
  expect(node.log()).not.toContain('failed:');
});
