/** What a node answers over HTTP: the router, health and figures, and the history of a user. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPrometheusText } from '../tools/prometheus-text.ts';
import { CLOSES } from './protocol/errors.ts';
import { logicalShard } from './shard-map.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';
import { signToken } from './transport/authentication.ts';

const CLOSE_LABELS = [0, 1].flatMap((shard) =>
  Object.values(CLOSES).map(({ name }) => `shard="${shard}",reason="${name}"`),
);
const SECRET = 'a secret for tests';

let node: TestNode;
let alice: string;
let bob: string;
let carol: string;
/** History endpoints of the process that owns alice. */
let history: string;

beforeAll(async () => {
  node = await startTestNode({ authSecret: SECRET });
  [alice, bob, carol] = [node.userOn(0, 'alice'), node.userOn(1, 'bob'), node.userOn(1, 'carol')];
  const url = await node.urlOf(alice);
  history = url.replace('ws', 'http');
  const a = await TestClient.open(url, alice, { token: signToken(SECRET, alice, 60) });
  const b = await TestClient.open(await node.urlOf(bob), bob, { token: signToken(SECRET, bob, 60) });
  for (let id = 1; id <= 60; id++) a.send({ type: 'send', id, to: id % 3 === 0 ? carol : bob, body: `m${id}` });
  await a.count('sent', 60);
  b.send({ type: 'send', id: 1, to: alice, body: 'from bob' });
  await a.count('message', 1);
});

afterAll(cleanUp);

async function get(url: string, headers: Record<string, string> = {}): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { headers });
  expect(response.headers.get('content-type')).toContain('application/json');
  return { status: response.status, body: await response.json() };
}

describe('the router', () => {
  it('says where a user lives', async () => {
    const shard = logicalShard(alice);
    expect(await get(`${node.url}/v1/route?user=${alice}`)).toEqual({
      status: 200,
      body: { user: alice, shard, url: expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+$/) },
    });
    expect((await get(`${node.url}/v1/route?user=zo%C3%AB`)).body).toMatchObject({ user: 'zoë', shard: 138 });
  });

  it('refuses what is no user', async () => {
    for (const query of ['', '?user=', `?user=${'x'.repeat(65)}`, '?user=%00']) {
      const { status, body } = await get(`${node.url}/v1/route${query}`);
      expect([status, body]).toEqual([400, { error: expect.stringContaining('user') }]);
    }
  });

  it('lists the owners of all logical shards, as it routes', async () => {
    const { body } = await get(`${node.url}/v1/shards`);
    const { logicalShards, owners } = body as {
      logicalShards: number;
      owners: Array<{ url: string; from: number; to: number }>;
    };
    expect(logicalShards).toBe(1_000);
    expect(owners.map(({ from, to }) => [from, to])).toEqual([
      [0, 499],
      [500, 999],
    ]);
    for (const user of [alice, bob]) {
      const shard = logicalShard(user);
      expect(owners.find(({ from, to }) => from <= shard && shard <= to)!.url).toBe(await node.urlOf(user));
    }
  });

  it('knows no other path', async () => {
    expect((await get(`${node.url}/v1/nothing`)).status).toBe(404);
    expect((await fetch(`${history}/v1/nothing`)).status).toBe(404);
  });
});

const STORE_AT_REST = {
  circuit: 'closed',
  troubleSeconds: 0,
  waitingBytes: 0,
  deadLettersOpen: 0,
  deadLettersWritten: 0,
  lastError: null,
};

describe('health and figures', () => {
  it('are good and count what has happened', async () => {
    const stats = await until('the figures to arrive', async () => {
      const all = await node.stats();
      const sum = (read: (s: NonNullable<(typeof all.shards)[0]['stats']>) => number) =>
        all.shards.reduce((total, { stats: one }) => total + (one === null ? 0 : read(one)), 0);
      return sum((s) => s.messages.sent) === 61 && sum((s) => s.messages.received) === 61 && all;
    });
    expect(await get(`${node.url}/v1/health`)).toEqual({
      status: 200,
      body: {
        healthy: true,
        volumesWithoutOwner: [],
        takeovers: 0,
        shards: [
          { index: 0, up: true, givenUp: false, volumes: [0], storeHealthy: true, store: STORE_AT_REST },
          { index: 1, up: true, givenUp: false, volumes: [1], storeHealthy: true, store: STORE_AT_REST },
        ],
      },
    });
    expect(stats).toMatchObject({ development: false, durability: 'fsync', cpuSecondsOfDead: 0 });
    expect(stats.shards[0]).toMatchObject({ index: 0, up: true, restarts: 0, stats: { connections: 1 } });
    expect(stats.shards[1]!.stats).toMatchObject({ connections: 1, messages: { storedOffline: 20 } });
    expect(stats.supervisor.pid).toBe(node.pid);
    expect(JSON.stringify(stats)).not.toContain(SECRET);
  });

  it('in Prometheus’ format: every family has help, type and one sample per shard, or one for the node', async () => {
    const response = await fetch(`${node.url}/metrics`);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const families = readPrometheusText(await response.text());
    for (const [name, { help, type, samples }] of families) {
      expect([name, help !== '', ['gauge', 'counter'].includes(type)]).toEqual([name, true, true]);
      const labels = name === 'plimsoll_closes_total' ? CLOSE_LABELS : ['shard="0"', 'shard="1"'];
      expect([name, [...samples.keys()]]).toEqual([name, NODE_FAMILIES.has(name) ? [''] : labels]);
    }
    const sum = (name: string) => [...families.get(name)!.samples.values()].reduce((total, value) => total + value, 0);
    expect(sum('plimsoll_shard_up')).toBe(2);
    expect(sum('plimsoll_connections')).toBe(2);
    expect(sum('plimsoll_messages_sent_total')).toBe(61);
    expect(sum('plimsoll_resident_memory_bytes')).toBeGreaterThan(10_000_000);
  });
});

describe('history', () => {
  const auth = () => ({ authorization: `Bearer ${signToken(SECRET, alice, 60)}` });
  async function entries(
    query: string,
  ): Promise<Array<{ seq: number; body: string; peer: string; direction: string }>> {
    const { status, body } = await get(`${history}/v1/${query}`, auth());
    expect(status).toBe(200);
    expect((body as { user: string }).user).toBe(alice);
    return (body as { entries: Array<{ seq: number; body: string; peer: string; direction: string }> }).entries;
  }
  const sequences = async (query: string) => (await entries(query)).map(({ seq }) => seq);
  const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

  it('of a timeline is oldest first and 50 entries at a time', async () => {
    expect(await sequences(`timeline?user=${alice}`)).toEqual(range(1, 50));
    expect(await sequences(`timeline?user=${alice}&after=50`)).toEqual(range(51, 61));
    expect(await sequences(`timeline?user=${alice}&limit=1000000`)).toEqual(range(1, 61));
    expect(await sequences(`timeline?user=${alice}&limit=0`)).toEqual([]);
  });

  it('of a timeline goes newest first, between bounds', async () => {
    expect(await sequences(`timeline?user=${alice}&order=newest-first&limit=3`)).toEqual([61, 60, 59]);
    expect(await sequences(`timeline?user=${alice}&order=newest-first&before=59&limit=2`)).toEqual([58, 57]);
    expect(await sequences(`timeline?user=${alice}&after=10&before=14`)).toEqual([11, 12, 13]);
    expect(await sequences(`timeline?user=${alice}&after=61`)).toEqual([]);
    expect(await sequences(`timeline?user=${alice}&before=0`)).toEqual([]);
  });

  it('has entries as the protocol has them', async () => {
    const [first] = await entries(`timeline?user=${alice}&limit=1`);
    expect(first).toEqual({
      type: 'message',
      direction: 'out',
      seq: 1,
      id: 1,
      time: expect.any(Number),
      peer: bob,
      body: 'm1',
    });
    const [last] = await entries(`timeline?user=${alice}&order=newest-first&limit=1`);
    expect(last).toMatchObject({ direction: 'in', peer: bob, body: 'from bob' });
  });

  it('of a conversation has what both have written, and nobody else', async () => {
    const withCarol = await entries(`conversation?user=${alice}&peer=${carol}&limit=100`);
    expect(withCarol.map(({ seq }) => seq)).toEqual(range(1, 20).map((n) => n * 3));
    const withBob = await entries(`conversation?user=${alice}&peer=${bob}&order=newest-first&limit=2`);
    expect(withBob.map(({ body }) => body)).toEqual(['from bob', 'm59']);
    expect(await sequences(`conversation?user=${alice}&peer=${carol}&after=9&before=16`)).toEqual([12, 15]);
    expect(await sequences(`conversation?user=${alice}&peer=nobody`)).toEqual([]);
  });

  it('takes the token in the query, too, and is for the user alone', async () => {
    const url = `${history}/v1/timeline?user=${alice}`;
    expect((await get(`${url}&token=${signToken(SECRET, alice, 60)}`)).status).toBe(200);
    expect(await get(url)).toEqual({ status: 401, body: { error: 'no token was given', code: 4401 } });
    expect((await get(`${url}&token=${signToken(SECRET, bob, 60)}`)).status).toBe(401);
    expect((await get(`${url}&token=${signToken(SECRET, alice, -1)}`)).status).toBe(401);
    expect((await get(`${history}/v1/conversation?user=${alice}&peer=${bob}`)).status).toBe(401);
  });

  it.each(['after=-1', 'after=x', 'before=1.5', 'limit=-5', 'limit=many', 'order=sideways', 'after=9007199254740993'])(
    'refuses %s',
    async (parameter) => {
      const { status, body } = await get(`${history}/v1/timeline?user=${alice}&${parameter}`, auth());
      expect([status, body]).toEqual([400, { error: expect.stringContaining(parameter.split('=')[0]!) }]);
    },
  );

  it('refuses a missing or impossible user or peer', async () => {
    for (const query of ['timeline', `timeline?user=${'x'.repeat(65)}`, `conversation?user=${alice}`]) {
      expect((await get(`${history}/v1/${query}`, auth())).status).toBe(400);
    }
  });

  it('of a user of another process says where', async () => {
    const headers = { authorization: `Bearer ${signToken(SECRET, bob, 60)}` };
    expect(await get(`${history}/v1/timeline?user=${bob}`, headers)).toEqual({
      status: 421,
      body: { error: expect.any(String), url: await node.urlOf(bob) },
    });
  });
});

/** Figures of the node, not of a shard process. */
const NODE_FAMILIES = new Set([
  'plimsoll_volumes_without_owner',
  'plimsoll_takeovers_total',
  'plimsoll_uptime_seconds',
  'plimsoll_supervisor_cpu_seconds_total',
  'plimsoll_supervisor_resident_memory_bytes',
]);
