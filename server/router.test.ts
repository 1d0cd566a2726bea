import { afterEach, expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from './config.ts';
import { type Router, startRouter } from './router.ts';
import type { NodeStats } from './supervisor.ts';
import { TestClient } from './testing/test-client.ts';

let router: Router;
let ports: number[];

async function start(publicHost: string | null = null): Promise<string> {
  router = await startRouter({
    host: '127.0.0.1',
    port: 0,
    extraHosts: [],
    publicHost,
    volumes: 2,
    portOf: (volume) => ports[volume]!,
    log: () => {},
    addressRate: DEFAULT_SETTINGS.addressRate,
    stats: () => ({ shards: [] }) as unknown as NodeStats,
  });
  return `http://127.0.0.1:${router.port}`;
}

afterEach(() => router.stop());

it('sends nobody to a process whose port is not known yet', async () => {
  ports = [0, 4_701];
  const url = await start();
  // alice is on shard 78, of volume 0; dave on shard 930, of volume 1.

  const [first, second] = [await fetch(`${url}/v1/route?user=alice`), await fetch(`${url}/v1/route?user=dave`)];
  expect([first.status, second.status]).toEqual([503, 200]);
  const { owners } = (await (await fetch(`${url}/v1/shards`)).json()) as { owners: object[] };
  expect(owners).toEqual([{ url: 'ws://127.0.0.1:4701', from: 500, to: 999 }]);
  const client = new TestClient(url.replace('http', 'ws'), 'alice');
  expect((await client.untilClosed()).code).toBe(4500);
  expect(client.frames).toEqual([]);
});

it('names the host by which the client came, or the public one', async () => {
  ports = [4_700, 4_701];
  const redirect = async (url: string) => {
    const client = new TestClient(url.replace('http', 'ws'), 'alice', { headers: { host: 'chat.example:1' } });
    await client.untilClosed();
    return client.frames;
  };
  expect(await redirect(await start())).toEqual([{ type: 'redirect', url: 'ws://chat.example:4700' }]);
  router.stop();
  expect(await redirect(await start('public.example'))).toEqual([
    { type: 'redirect', url: 'ws://public.example:4700' },
  ]);
});
