/** Who is called where: a router and two shards as plain HTTP servers. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createVerifier } from 'fast-jwt';
import { afterEach, expect, it, vi } from 'vitest';
import { realClock } from '../clock.ts';
import type { HttpAssignment } from './http-load-messages.ts';
import { HttpRun } from './http-run.ts';

interface Seen {
  url: string;
  token: string;
}

const close: Array<() => void> = [];

afterEach(() => {
  for (const each of close.splice(0)) each();
});

async function serve(answer: (url: string) => unknown = () => null): Promise<{ port: number; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    const body = answer(request.url!);
    // Agents of the test look up the table too.
    if (body === null) seen.push({ url: request.url!, token: request.headers.authorization?.slice(7) ?? '' });
    response.writeHead(request.url === '/missing' ? 404 : 200).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

function request(path: string, weight = 1): HttpAssignment['plan']['requests'][number] {
  return { method: 'GET', path, headers: {}, weight };
}

function assignment(more: Partial<HttpAssignment>): HttpAssignment {
  return {
    plan: {
      rate: 40,
      connections: 4,
      requests: [request('/of/{user}/and/{peer}', 3), request('/missing'), request('/v1/route?user={user}')],
    },
    target: '',
    sharded: true,
    authSecret: 'secret',
    users: 50,
    partners: { kind: 'pairs' },
    seed: 1,
    warmUpMs: 0,
    steadyMs: 60_000,
    epochOffsetMs: realClock.epochOffsetMs,
    ...more,
  };
}

async function drive(options: Partial<HttpAssignment>, enough: () => boolean): Promise<HttpRun> {
  const run = new HttpRun(assignment(options), realClock);
  await run.prepare();
  run.start(realClock.nowMs());
  await vi.waitFor(() => expect(enough()).toBe(true), { timeout: 10_000, interval: 20 });
  await run.stop();
  return run;
}

it('each user’s calls go to the user’s shard with the user’s token, the rest to the router, all in the rows', async () => {
  const shards = [await serve(), await serve()];
  const owners = shards.map(({ port }, index) => ({
    url: `ws://127.0.0.1:${port}`,
    from: index * 500,
    to: index * 500 + 499,
  }));
  const router = await serve((url) => (url === '/v1/shards' ? { logicalShards: 1000, owners } : null));
  const run = await drive({ target: `ws://127.0.0.1:${router.port}` }, () => {
    return [router, ...shards].every(({ seen }) => seen.length >= 10);
  });

  const [missing, route] = [/^\/missing$/, /^\/v1\/route\?user=u\d+$/].map((of) =>
    router.seen.filter(({ url }) => of.test(url)),
  );
  expect(missing!.length + route!.length).toBe(router.seen.length);
  expect(new Set(missing!.map(({ token }) => token))).toEqual(new Set(['']));
  expect(route!.length).toBeGreaterThan(0);
  const verify = createVerifier({ key: 'secret', algorithms: ['HS256'], requiredClaims: ['exp'] });
  const usersOf = shards.map(({ seen }) =>
    seen.map(({ url, token }) => {
      const [, user, peer] = /^\/of\/u(\d+)\/and\/u(\d+)$/.exec(url)!;
      expect((verify(token) as { sub: string }).sub).toBe(`u${user}`);
      expect(Number(peer)).toBe((Number(user) + 25) % 50);
      return user;
    }),
  );
  expect(usersOf[0]!.filter((user) => usersOf[1]!.includes(user))).toEqual([]);

  const { histograms, counters, gauges } = run.samples(1_000);
  const calls = [router, ...shards].reduce((sum, { seen }) => sum + seen.length, 0);
  expect(histograms).toMatchObject([
    { source: 'http-load', metric: 'http_req_duration', phase: 'steady', count: calls },
  ]);
  expect(counters).toMatchObject([
    { metric: 'http_reqs', phase: 'steady', value: calls },
    { metric: 'http_req_failed', phase: 'steady', value: missing!.length },
  ]);
  expect(gauges.map(({ metric }) => metric)).toContain('agent_cpu');
  expect(run.samples(2_000)).toMatchObject({ histograms: [], counters: [] });
});

it('a server of another kind is called at its own address', async () => {
  const other = await serve();
  const run = await drive({ target: `ws://127.0.0.1:${other.port}/`, sharded: false, authSecret: null }, () => {
    return other.seen.length >= 10;
  });
  expect(other.seen.filter(({ url }) => url.startsWith('/of/u')).length).toBeGreaterThan(0);
  expect(other.seen.every(({ token }) => token === '')).toBe(true);
  expect(run.reasons).toEqual({});
});

it('a router that is not there is said before the load', async () => {
  const run = new HttpRun(assignment({ target: 'ws://127.0.0.1:1' }), realClock);
  await expect(run.prepare()).rejects.toThrow(/does not answer at http:\/\/127\.0\.0\.1:1\/v1\/shards/);
});
