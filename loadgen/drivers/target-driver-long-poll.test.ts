import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { cleanUp, startTestNode, type TestNode } from '../../server/testing/test-node.ts';
import { signToken } from '../../server/transport/authentication.ts';
import { describeTargetDriver } from './target-driver.suite.ts';
import type { DriverEvents, TargetDriver } from './target-driver.ts';
import { createLongPollDriver } from './target-driver-long-poll.ts';
import { createReferenceDriver } from './target-driver-reference.ts';

const SECRET = 'a secret for tests';
const options = (node: TestNode) => ({ target: `ws://127.0.0.1:${node.port}`, authSecret: SECRET });
const until = (check: () => void) => vi.waitFor(check, { timeout: 8000, interval: 5 });

let node: TestNode;
beforeAll(async () => {
  node = await startTestNode({ shards: 2, authSecret: SECRET, settings: { userRate: { perSecond: 0, burst: 0 } } });
});
afterAll(cleanUp);

/** Another poll of the same device takes the place of the one that is held. */
async function supersede(user: string): Promise<void> {
  const url = `${(await node.urlOf(user)).replace('ws', 'http')}/v1/poll?user=${user}&device=one&timeout=0`;
  await fetch(url, { headers: { authorization: `Bearer ${signToken(SECRET, user, 60)}` } });
}

describeTargetDriver('long-poll', async () => ({
  createDriver: createLongPollDriver,
  options: options(node),
  disconnect: supersede,
  stop: () => {},
}));

describe('a polling user', () => {
  const drivers: TargetDriver<string>[] = [];
  afterEach(async () => {
    for (const driver of drivers.splice(0)) await driver.close();
  });

  async function setUp(at = node, create = createLongPollDriver) {
    const lines: string[] = [];
    const events: DriverEvents<string> = {
      sent: (c, id) => lines.push(`${c.user} sent ${id}`),
      sendFailed: (c, id, reason, retryable) => lines.push(`${c.user} failed ${id} ${reason} ${retryable}`),
      received: (c, from, body) => lines.push(`${c.user} received ${from} ${Buffer.from(body).toString('latin1')}`),
      delivered: (c, id) => lines.push(`${c.user} delivered ${id}`),
      closed: (c, code, _reason, resumable, advice) => lines.push(`${c.user} closed ${code} ${resumable} ${advice}`),
    };
    const driver = create<string>(options(at), events);
    drivers.push(driver);
    await driver.prepare();
    const connect = (user: string, after?: number) =>
      driver.connect({ user, device: 'one', context: user, timeoutMs: 5000, ...(after !== undefined && { after }) });
    return { driver, connect, lines };
  }

  it('chats with one on a WebSocket, and what is binary stays so', async () => {
    const polling = await setUp();
    const socket = await setUp(node, createReferenceDriver);
    const p = await polling.connect('p-poll');
    const s = await socket.connect('p-socket');
    const bytes = Buffer.from([0, 255, 128, 65, 10]);
    p.send('p-socket', 1, bytes);
    s.send('p-poll', 1, bytes);
    await until(() => expect(polling.lines).toContain(`p-poll received p-socket ${bytes.toString('latin1')}`));
    await until(() => expect(polling.lines).toContain('p-poll delivered 1'));
    await until(() => expect(socket.lines).toContain('p-socket delivered 1'));
  });

  it('acknowledges what it has when it is closed in order', async () => {
    const { connect, lines } = await setUp();
    const a = await connect('q-a');
    let b = await connect('q-b');
    for (let id = 1; id <= 3; id++) a.send('q-b', id, Buffer.from(`m${id}`));
    await until(() => expect(lines).toContain('q-b received q-a m3'));
    b.close(true);
    await until(() => expect(lines).toContain('q-a delivered 3'));
    b = await connect('q-b');
    expect(b).toMatchObject({ position: 3, head: 3 });
  });

  it('that sends what can’t be has failed, and goes on', async () => {
    const { connect, lines } = await setUp();
    const a = await connect('r-a');
    a.send('', 1, Buffer.from('x'));
    a.send('r-a', 2, Buffer.from('y'));
    await until(() => expect(lines).toContain('r-a sent 2'));
    expect(lines[0]).toMatch(/^r-a failed 1 .* false$/);
  });

  it('whose token is wrong is refused for good', async () => {
    const driver = createLongPollDriver({ target: `ws://127.0.0.1:${node.port}`, authSecret: 'another' }, {} as never);
    await driver.prepare();
    const failure = driver.connect({ user: 'a', device: 'd', context: undefined, timeoutMs: 5000 });
    await expect(failure).rejects.toMatchObject({ side: 'server', final: true, message: /the server answered 401/ });
    await driver.close();
  });

  it('asks for the receipts that came while it was away', async () => {
    const { connect, lines } = await setUp();
    let a = await connect('s-a');
    for (const [id, peer] of ['s-b', 's,c'].entries()) a.send(peer, id + 1, Buffer.from('x'));
    await until(() => expect(lines).toEqual(expect.arrayContaining(['s-a sent 1', 's-a sent 2'])));
    a.close(false);
    for (const user of ['s-b', 's,c']) {
      const peer = await connect(user);
      await until(() => expect(lines).toContain(`${user} received s-a x`));
      // The poll that acknowledges is at the server when what is written after it comes back.
      peer.send(user, 1, Buffer.from('y'));
      await until(() => expect(lines).toContain(`${user} received ${user} y`));
    }
    a = await connect('s-a', a.position);
    await until(() =>
      expect(lines.filter((line) => line.startsWith('s-a delivered')).sort()).toEqual([
        's-a delivered 1',
        's-a delivered 2',
      ]),
    );
  });

  it('that repeats what was delivered before is told so', async () => {
    const { connect, lines } = await setUp();
    const a = await connect('t-a');
    await connect('t-b');
    a.send('t-b', 1, Buffer.from('x'));
    await until(() => expect(lines).toContain('t-a delivered 1'));
    a.close(true);
    lines.length = 0;
    (await connect('t-a')).send('t-b', 1, Buffer.from('x'));
    await until(() => expect(lines).toEqual(['t-a sent 1', 't-a delivered 1']));
  });

  it('makes a group of more than fit in one request, and writes to it', { timeout: 20_000 }, async () => {
    const { connect, lines } = await setUp();
    const [a, b, c] = [await connect('g-0'), await connect('g-1'), await connect('g-299')];
    const members = Array.from({ length: 300 }, (_, i) => `g-${i}`);
    await a.createGroup!('g', members);
    await a.createGroup!('g', members);
    a.sendGroup!('g', 1, Buffer.from('hi'));
    await until(() =>
      expect(lines).toEqual(expect.arrayContaining(['g-0 sent 1', 'g-1 received g-0 hi', 'g-299 received g-0 hi'])),
    );
    await expect(b.createGroup!('g', ['g-1'])).rejects.toMatchObject({ side: 'server', final: true });
    c.close(true);
  });

  it('loses its connection with its server, once, and may come back', async () => {
    const other = await startTestNode({ shards: 1, authSecret: SECRET });
    const { connect, lines } = await setUp(other);
    const a = await connect('a');
    await connect('b');
    await other.stop();
    a.send('b', 1, Buffer.from('x'));
    await until(() => expect(lines.filter((line) => line.includes('closed'))).toHaveLength(2));
    for (const line of lines) expect(line).toMatch(/^[ab] closed \d+ true (resume|later)$/);
    await expect(connect('a')).rejects.toMatchObject({ side: 'server' });
  });
});
