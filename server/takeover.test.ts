/** Shard processes that can't be started, hang, or can't open a store: who serves whom meanwhile, and what users see. */
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { afterEach, describe, expect, it } from 'vitest';
import { ResilientClient } from './testing/resilient-client.ts';
import { TestClient } from './testing/test-client.ts';
import { cleanUp, startTestNode, type TestNode } from './testing/test-node.ts';
import { until } from './testing/until.ts';

const clients: ResilientClient[] = [];
const occupants: Server[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  for (const server of occupants.splice(0)) server.close();
  await cleanUp();
});

function connect(node: TestNode, user: string): ResilientClient {
  const client = new ResilientClient({ router: node.url, user });
  clients.push(client);
  return client;
}

/** Takes a port as soon as it is free. */
async function occupy(port: number): Promise<Server> {
  return until(
    `port ${port} to be free`,
    () =>
      new Promise<Server | false>((resolve) => {
        const server = createServer((socket) => socket.destroy());
        server.once('error', () => resolve(false));
        server.listen(port, '127.0.0.1', () => {
          occupants.push(server);
          resolve(server);
        });
      }),
  );
}

/** The first of so many ports in a row that are free now. */
async function freePorts(count: number): Promise<number> {
  for (let base = 20_000 + (process.pid % 8_000); ; base += count) {
    const servers: Server[] = [];
    for (let i = 0; i < count; i++) {
      const server = createServer();
      const free = await new Promise<boolean>((resolve) => {
        server.once('error', () => resolve(false));
        server.listen(base + i, '127.0.0.1', () => resolve(true));
      });
      if (free) servers.push(server);
    }
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    if (servers.length === count) return base;
  }
}

const health = async (node: TestNode) => {
  const response = await fetch(`${node.url}/v1/health`);
  return { status: response.status, ...((await response.json()) as { volumesWithoutOwner: number[] }) };
};
const bodies = (client: ResilientClient) => client.received.map(({ body }) => body);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => `${i + 1}`);

describe('a shard process that can not be started', () => {
  it('is given up after some attempts: another one takes its volumes over, and gives them back at a rolling restart', async () => {
    const shardPort = await freePorts(3);
    const node = await startTestNode({ shards: 3, shardPort, settings: { takeoverAfterFailures: 2 } });
    const [alice, bob, carol] = [node.userOn(0, 'alice'), node.userOn(1, 'bob'), node.userOn(2, 'carol')];
    const a = connect(node, alice);
    const b = connect(node, bob);
    let sent = 0;
    const talk = (count: number) => {
      for (let i = 0; i < count; i++) {
        sent++;
        a.send(bob, `${sent}`);
        b.send(alice, `${sent}`);
      }
    };
    talk(50);
    await b.untilReceived(20);
    const pids = await node.shardPids();
    process.kill(pids[1]!, 'SIGKILL');
    const occupant = await occupy(shardPort + 1);
    talk(50);
    await until('a takeover', async () => (await node.stats()).takeovers === 1, 20_000);
    expect((await node.stats()).shards[1]).toMatchObject({ up: false, givenUp: true, volumes: [] });
    talk(50);
    await Promise.all([a.untilSettled(), b.untilSettled(), a.untilReceived(150), b.untilReceived(150)]);
    expect([bodies(a), bodies(b)]).toEqual([numbers(150), numbers(150)]);

    const { shards } = await node.stats();
    const heir = shards.findIndex(({ volumes }) => volumes.includes(1));
    const other = heir === 0 ? 2 : 0;
    expect(await node.urlOf(bob)).toBe(`ws://127.0.0.1:${shardPort + heir}`);
    expect(await health(node)).toMatchObject({ status: 200, volumesWithoutOwner: [] });
    const lost = new TestClient(`ws://127.0.0.1:${shardPort + other}`, bob);
    expect((await lost.untilClosed()).code).toBe(4301);
    expect(lost.frames).toEqual([{ type: 'redirect', url: `ws://127.0.0.1:${shardPort + heir}` }]);
    expect(node.log()).toMatch(
      /shard 1 was ended by SIGKILL; it is started again\n(shard 1 did not come back: port \d+ .* is taken.*\n){2}shard 1 could not be started 2 times in a row and is given up; volume\(s\) 1 go to shard\(s\) \d\nshard \d serves volume 1 now/,
    );

    // Its chance comes again.
    await new Promise((resolve) => occupant.close(resolve));
    node.signal('SIGHUP');
    talk(50);
    await until('the end of the rolling restart', () => /rolling restart done/.test(node.log()), 30_000);
    expect((await node.stats()).shards.map(({ volumes, givenUp }) => ({ volumes, givenUp }))).toEqual(
      [[0], [1], [2]].map((volumes) => ({ volumes, givenUp: false })),
    );
    expect(node.log()).toMatch(/shard 1 is back on port \d+ and takes volume\(s\) 1\n/);
    talk(50);
    await Promise.all([a.untilSettled(), b.untilSettled(), a.untilReceived(250), b.untilReceived(250)]);
    expect([bodies(a), bodies(b)]).toEqual([numbers(250), numbers(250)]);
    expect([a.violations, b.violations]).toEqual([[], []]);
    expect([...a.errors, ...b.errors].filter(({ code }) => code !== 1004 && code !== 1006)).toEqual([]);
    expect(await node.urlOf(carol)).toBe(`ws://127.0.0.1:${shardPort + 2}`);
  }, 90_000);

  it('leaves nothing behind that had not reached others yet: who takes over sends it', async () => {
    const shardPort = await freePorts(3);
    const node = await startTestNode({ shards: 3, shardPort, settings: { takeoverAfterFailures: 1 } });
    const [bob, carol] = [node.userOn(1, 'bob'), node.userOn(2, 'carol')];
    const [b, c] = [connect(node, bob), connect(node, carol)];
    await Promise.all([b.untilConnected(), c.untilConnected()]);
    const pids = await node.shardPids();
    // Carol's process takes nothing, and all this is more than the system keeps for it: it waits in the outbox of Bob's
    // volume when his process dies.
    process.kill(pids[2]!, 'SIGSTOP');
    for (let i = 1; i <= 50; i++) b.send(carol, `${i}`.padEnd(16_000));
    await b.untilSettled();
    b.close();
    process.kill(pids[1]!, 'SIGKILL');
    await occupy(shardPort + 1);
    await until('the takeover', async () => (await node.stats()).shards[0]!.volumes.includes(1), 20_000);
    process.kill(pids[2]!, 'SIGCONT');
    await c.untilReceived(50);
    expect(bodies(c).map((body) => body!.trimEnd())).toEqual(numbers(50));
    expect((await node.stats()).shards[2]!.restarts).toBe(0);
  }, 60_000);

  it('is tried again for ever when nobody else is there', async () => {
    const shardPort = await freePorts(1);
    const node = await startTestNode({ shards: 1, shardPort, settings: { takeoverAfterFailures: 1 } });
    const user = node.userOn(0, 'user');
    const client = connect(node, user);
    client.send(user, 'before');
    await client.untilSettled();
    process.kill((await node.shardPids())[0]!, 'SIGKILL');
    const occupant = await occupy(shardPort);
    await until('some attempts', () => node.log().match(/shard 0 did not come back/g)?.length === 3, 20_000);
    expect((await node.stats()).shards[0]).toMatchObject({ up: false, givenUp: false });
    expect((await health(node)).volumesWithoutOwner).toEqual([0]);
    await new Promise((resolve) => occupant.close(resolve));
    client.send(user, 'after');
    await client.untilSettled();
    await client.untilReceived(2);
    expect(bodies(client)).toEqual(['before', 'after']);
    expect((await node.stats()).takeovers).toBe(0);
  }, 60_000);
});

describe('a shard process that hangs', () => {
  it('is killed and started again; one that stood still for a moment is not', async () => {
    const node = await startTestNode({ settings: { unresponsiveMs: 4_000 } });
    const [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
    const [a, b] = [connect(node, alice), connect(node, bob)];
    await Promise.all([a.untilConnected(), b.untilConnected()]);
    const pids = await node.shardPids();
    process.kill(pids[1]!, 'SIGSTOP');
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    process.kill(pids[1]!, 'SIGCONT');
    a.send(bob, '1');
    await b.untilReceived(1);
    process.kill(pids[1]!, 'SIGSTOP');
    for (let i = 2; i <= 20; i++) a.send(bob, `${i}`);
    await until('the restart', async () => (await node.stats()).shards[1]!.restarts === 1, 20_000);
    await b.untilReceived(20);
    expect(bodies(b)).toEqual(numbers(20));
    expect(b.violations).toEqual([]);
    expect(await node.shardPids()).not.toContain(pids[1]);
    expect(node.log()).toMatch(
      /^shard 1 has said nothing for [4-9]\.\d s and is killed\nshard 1 was ended by SIGKILL; it is started again\nshard 1 is back on port \d+\n$/,
    );
  }, 60_000);
});

describe('a volume that can not be opened', () => {
  const lock = (node: TestNode, volume: number) =>
    until('the store to be free', async () => {
      const level = new ClassicLevel(join(node.directory, `volume-${volume}`, 'leveldb'));
      try {
        await level.open();
        return level;
      } catch {
        return false;
      }
    });

  it('does not keep its process from serving the others, nor for ever from being served', async () => {
    // One process of two volumes: a directory made for two.
    const first = await startTestNode();
    const [alice, bob] = [first.userOn(0, 'alice'), first.userOn(1, 'bob')];
    const before = connect(first, bob);
    before.send(alice, 'hello');
    await before.untilSettled();
    before.close();
    await first.stop();
    const node = await startTestNode({ shards: 1, store: { kind: 'level', directory: first.directory } });
    const a = connect(node, alice);
    await a.untilReceived(1);
    process.kill((await node.shardPids())[0]!, 'SIGKILL');
    const level = await lock(node, 1);
    await until('the process to be back', () => /shard 0 is back/.test(node.log()), 20_000);
    expect(await health(node)).toMatchObject({ status: 503, volumesWithoutOwner: [1] });
    expect(node.log()).toMatch(/shard 0 can't open volume 1, which nobody serves until it can: .* in use/);
    expect((await fetch(`${node.url}/v1/route?user=${bob}`)).status).toBe(503);
    const late = new TestClient(`ws://127.0.0.1:${(await node.stats()).shards[0]!.port}`, bob);
    expect((await late.untilClosed()).code).toBe(4500);
    // Its neighbour is served; what it sends there waits.
    for (let i = 1; i <= 10; i++) a.send(bob, `${i}`);
    await a.untilSettled();
    await level.close();
    const b = connect(node, bob);
    await b.untilReceived(10);
    expect(bodies(b)).toEqual(numbers(10));
    expect(await health(node)).toMatchObject({ status: 200, volumesWithoutOwner: [] });
    expect(node.log()).toMatch(/shard 0 serves volume 1 now\n/);
    expect(node.log().match(/can't open volume 1/g)).toHaveLength(1);
  }, 60_000);

  it('hurts nobody who was to take it over', async () => {
    const shardPort = await freePorts(2);
    const node = await startTestNode({ shardPort, settings: { takeoverAfterFailures: 1 } });
    const [alice, bob] = [node.userOn(0, 'alice'), node.userOn(1, 'bob')];
    const [a, b] = [connect(node, alice), connect(node, bob)];
    await Promise.all([a.untilConnected(), b.untilConnected()]);
    process.kill((await node.shardPids())[1]!, 'SIGKILL');
    await occupy(shardPort + 1);
    const level = await lock(node, 1);
    await until('the failure', () => /shard 0 can't open volume 1, .* in use/.test(node.log()), 20_000);
    for (let i = 1; i <= 10; i++) {
      a.send(bob, `${i}`);
      a.send(alice, `${i}`);
    }
    await a.untilSettled();
    await a.untilReceived(10);
    expect([a.closes, a.errors, bodies(a)]).toEqual([[], [], numbers(10)]);
    expect(await health(node)).toMatchObject({ status: 503, volumesWithoutOwner: [1] });
    await level.close();
    await b.untilReceived(10);
    expect(bodies(b)).toEqual(numbers(10));
    expect((await node.stats()).shards[0]).toMatchObject({ volumes: [0, 1], restarts: 0 });
    expect([a.violations, b.violations]).toEqual([[], []]);
  }, 60_000);
});
