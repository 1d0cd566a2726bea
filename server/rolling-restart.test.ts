/** All shard processes are started anew while users talk: they see reconnects, and nothing else. */
import { afterEach, expect, it } from 'vitest';
import { ResilientClient } from './testing/resilient-client.ts';
import { cleanUp, startTestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

const clients: ResilientClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await cleanUp();
});

it('loses, doubles and reorders nothing, and shows no error but "draining" and "try later"', async () => {
  const node = await startTestNode({ shards: 3 });
  const users = Array.from({ length: 12 }, (_, i) => node.userOn(i % 3, `user-${i}-`));
  for (const user of users) clients.push(new ResilientClient({ router: node.url, user }));
  await Promise.all(clients.map((client) => client.untilConnected()));
  const before = await node.shardPids();

  // Everybody writes to three others, one of them on each process, all the time.
  const counts = new Map<string, number>();
  let talking = true;
  const talk = async (): Promise<void> => {
    while (talking) {
      for (const [i, client] of clients.entries()) {
        for (const step of [1, 2, 3]) {
          const to = users[(i + step) % users.length]!;
          const number = (counts.get(`${client.user}>${to}`) ?? 0) + 1;
          counts.set(`${client.user}>${to}`, number);
          client.send(to, `${number}`);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  };
  const talked = talk();
  await until('some messages', () => clients.every(({ received }) => received.length > 10));
  node.signal('SIGHUP');
  await until('the beginning', () => /rolling restart of 3 shard process\(es\) begins/.test(node.log()));
  expect((await node.stats()).rollingRestart).toBe(true);
  node.signal('SIGHUP');
  await until('the end', () => /rolling restart done in/.test(node.log()), 60_000);
  await until('everybody to be back', () => clients.every(({ connected }) => connected), 30_000);
  talking = false;
  await talked;
  await Promise.all(clients.map((client) => client.untilSettled()));
  await Promise.all(
    clients.map((client) => client.untilReceived([1, 2, 3].reduce((sum, step) => sum + sentBy(client, step), 0))),
  );

  function sentBy(to: ResilientClient, step: number): number {
    const at = users.indexOf(to.user);
    return counts.get(`${users[(at - step + users.length) % users.length]}>${to.user}`)!;
  }

  for (const client of clients) {
    const at = users.indexOf(client.user);
    for (const step of [1, 2, 3]) {
      const peer = users[(at - step + users.length) % users.length]!;
      const got = client.received.filter((frame) => frame.peer === peer).map(({ body }) => Number(body));
      expect(got).toEqual(Array.from({ length: sentBy(client, step) }, (_, i) => i + 1));
    }
    expect(client.violations).toEqual([]);
    expect(client.errors.filter(({ code }) => code !== 1004 && code !== 1006)).toEqual([]);
    // Told to go away (unless what it sent at that moment made the system cut the connection), and a few vain attempts.
    expect(client.closes.filter((code) => ![1001, 1006].includes(code))).toEqual([]);
    expect(client.welcomes).toBe(2);
    expect(client.resets).toBe(0);
  }
  expect(clients.filter(({ closes }) => closes[0] === 1001).length).toBeGreaterThan(clients.length / 2);
  const after = await node.shardPids();
  for (const pid of after) expect(before).not.toContain(pid);
  const { shards, rollingRestart } = await node.stats();
  expect([rollingRestart, shards.map(({ up, restarts }) => [up, restarts])]).toEqual([
    false,
    [
      [true, 1],
      [true, 1],
      [true, 1],
    ],
  ]);
  const steps = [0, 1, 2].map(
    (i) => `rolling restart: shard ${i} drains\nrolling restart: shard ${i} is back on port \\d+\n`,
  );
  expect(node.log().replace('a rolling restart is running already; another one is not begun\n', '')).toMatch(
    new RegExp(
      `^rolling restart of 3 shard process\\(es\\) begins\n${steps.join('')}rolling restart done in \\d+\\.\\d s\n$`,
    ),
  );
  expect(node.log()).toContain('a rolling restart is running already; another one is not begun\n');
}, 120_000);

it('ends early when the node is stopped', async () => {
  const node = await startTestNode();
  node.signal('SIGHUP');
  await until('the beginning', () => /drains/.test(node.log()));
  expect(await node.stop()).toEqual({ code: 0, signal: null });
  expect(node.log()).not.toMatch(/done/);
});

it('is refused by a node that keeps messages in memory only: they would be forgotten', async () => {
  const node = await startTestNode({ store: { kind: 'memory' } });
  const pids = await node.shardPids();
  node.signal('SIGHUP');
  await until('the refusal', () => /no rolling restart: the messages are in memory only/.test(node.log()));
  expect(await node.shardPids()).toEqual(pids);
});
