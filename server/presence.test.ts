/** Presence of a whole node with two shard processes: over WebSockets and HTTP, and through the death of a process. */
import { afterEach, expect, it } from 'vitest';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

afterEach(cleanUp);

const DEBOUNCE_MS = 300;

interface Told {
  users: Array<{ user: string; state: string }>;
}

/** The states that a client was told of a user, in order. */
function told(client: TestClient, user: string): string[] {
  return client.frames
    .filter(({ type }) => type === 'presence')
    .flatMap((frame) => (frame as unknown as Told).users)
    .flatMap((item) => (item.user === user ? [item.state] : []));
}

it('is told to those who watch, across processes, and asked for over HTTP', async () => {
  const node = await startTestNode({ settings: { presenceDebounceMs: DEBOUNCE_MS } });
  const [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
  const [urlOfAlice, urlOfBob] = [await node.urlOf(alice), await node.urlOf(bob)];
  const a = await TestClient.open(urlOfAlice, alice);
  a.send({ type: 'presence', action: 'subscribe', users: [bob, 'nobody'] });
  // Unknown, until his process has been heard of.
  await until('bob and nobody to be offline', () =>
    [bob, 'nobody'].every((user) => told(a, user).at(-1) === 'offline'),
  );
  const b = await TestClient.open(urlOfBob, bob);
  await until('bob to be online', () => told(a, bob).at(-1) === 'online');

  const url = `${urlOfAlice.replace('ws', 'http')}/v1/presence?user=${alice}&users=nobody,${bob}`;
  const response = await fetch(url);
  expect([response.status, await response.json()]).toEqual([
    200,
    {
      users: [
        { user: 'nobody', state: 'offline' },
        { user: bob, state: 'online' },
      ],
    },
  ]);
  const { shards } = await until('the figures', async () => {
    const stats = await node.stats();
    return stats.shards[0]!.stats?.presenceSubscriptions === 2 && stats.shards[1]!.stats !== null && stats;
  });
  expect(shards.reduce((sum, shard) => sum + shard.stats!.presenceWatched, 0)).toBe(2);

  await b.close();
  await until('bob to be offline', () => told(a, bob).at(-1) === 'offline');
  expect(told(a, bob)).toEqual(['offline', 'online', 'offline']);
  expect(told(a, 'nobody')).toEqual(['offline']);
});

it('is right again after the process of the watched user has died', async () => {
  const node = await startTestNode({ settings: { presenceDebounceMs: DEBOUNCE_MS } });
  const [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
  const pids = await node.shardPids();
  const a = await TestClient.open(await node.urlOf(alice), alice);
  const b = await TestClient.open(await node.urlOf(bob), bob);
  a.send({ type: 'presence', action: 'subscribe', users: [bob] });
  await until('the answer', () => told(a, bob).at(-1) === 'online');
  process.kill(pids[1]!, 'SIGKILL');
  await b.untilClosed();
  await until('bob to be offline', () => told(a, bob).at(-1) === 'offline');
  await until('his process', async () => (await node.stats()).shards[1]!.up);
  await TestClient.open(await node.urlOf(bob), bob);
  await until('bob to be online', () => told(a, bob).at(-1) === 'online');
}, 30_000);
