import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  encodeError,
  encodeGroupMessage,
  encodeGroupState,
  encodeMessage,
  encodePresenceState,
  encodeReset,
  encodeSent,
  FrameWriter,
} from '../../server/protocol/codec.ts';
import { logicalShard } from '../../server/protocol/shard-hash.ts';
import { type FakeServer, type FakeServerOptions, startFakeServer } from './fake-server.ts';
import { describeTargetDriver } from './target-driver.suite.ts';
import type { ConnectOptions, DriverEvents, DriverOptions, TargetDriver } from './target-driver.ts';
import { createReferenceDriver } from './target-driver-reference.ts';

describeTargetDriver('reference, one process', () => targetUnderTest({}));
describeTargetDriver('reference, three processes, with tokens', () =>
  targetUnderTest({ owners: 3, authSecret: 'secret' }),
);

async function targetUnderTest(options: FakeServerOptions) {
  const server = await startFakeServer(options);
  return {
    createDriver: createReferenceDriver,
    options: driverOptions(server, options.authSecret),
    disconnect: (user: string) => server.disconnect(user),
    stop: () => server.stop(),
  };
}

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function driverOptions(server: FakeServer, authSecret?: string): DriverOptions {
  return authSecret === undefined ? { target: server.target } : { target: server.target, authSecret };
}

/** A server, a prepared driver and the events it reports, as lines. */
async function setUp(options: FakeServerOptions = {}, secret = options.authSecret) {
  const server = await startFakeServer(options);
  cleanups.push(() => server.stop());
  const lines: string[] = [];
  const events: DriverEvents<string> = {
    sent: (c, id) => lines.push(`${c.user} sent ${id}`),
    sendFailed: (c, id, reason, retryable, afterMs) =>
      lines.push(`${c.user} failed ${id} ${reason} ${retryable} ${afterMs}`),
    received: (c, from, body, group) =>
      lines.push(`${c.user} received ${from} ${Buffer.from(body)}${group === undefined ? '' : ` in ${group}`}`),
    stored: (c, id) => lines.push(`${c.user} stored ${id}`),
    presence: (c, changes) => lines.push(`${c.user} presence ${changes}`),
    delivered: (c, id) => lines.push(`${c.user} delivered ${id}`),
    closed: (c, code, reason, resumable) => lines.push(`${c.user} closed ${code} ${reason} ${resumable}`),
  };
  const driver: TargetDriver<string> = createReferenceDriver(driverOptions(server, secret), events);
  cleanups.push(() => driver.close());
  await driver.prepare();
  const connect = (user: string, more: Partial<ConnectOptions<string>> = {}) =>
    driver.connect({ user, device: 'd', context: user, timeoutMs: 5000, ...more });
  return { server, driver, connect, lines };
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 8000, interval: 5 });
const frames = (write: (w: FrameWriter) => void) => {
  const w = new FrameWriter();
  write(w);
  return w.take();
};
/** A user whose shard is in the given half of the shards. */
const userOfHalf = (half: 0 | 1) =>
  Array.from({ length: 100 }, (_, i) => `u${i}`).find((user) => Math.floor(logicalShard(user) / 500) === half)!;

describe('finding the owner', () => {
  test('each user is connected to the owner of its shard', async () => {
    const { server, connect } = await setUp({ owners: 2 });
    await connect(userOfHalf(0));
    await connect(userOfHalf(1));
    expect(server.upgrades.map((u) => u.user)).toEqual([userOfHalf(0), userOfHalf(1)]);
    expect(server.upgrades[0]!.url).not.toBe(server.upgrades[1]!.url);
  });

  test('a redirect is followed once and remembered', async () => {
    const { server, connect } = await setUp({
      owners: 2,
      shards: (urls) => ({ logicalShards: 1000, owners: [{ url: urls[0], from: 0, to: 999 }] }),
    });
    const user = userOfHalf(1);
    await connect(user);
    await connect(user, { device: 'e' });
    expect(server.upgrades.map((u) => u.url)).toHaveLength(3);
    expect(server.upgrades[2]!.url).toBe(server.upgrades[1]!.url);
  });

  test('a second redirect is an error', async () => {
    const { connect } = await setUp({ owners: 2, lost: true });
    await expect(connect('a')).rejects.toMatchObject({
      side: 'server',
      message: expect.stringContaining('redirected twice'),
    });
  });

  test('a shard without an owner is an error', async () => {
    const { connect } = await setUp({ shards: () => ({ logicalShards: 1000, owners: [] }) });
    await expect(connect('a')).rejects.toMatchObject({
      side: 'server',
      message: 'no server holds the shard of user "a" now',
    });
  });

  test.each([{}, null, [], { logicalShards: 1000, owners: [{ url: 1 }] }, { logicalShards: 10, owners: [] }])(
    'the table of owners %j is refused',
    async (answer) => {
      const server = await startFakeServer({ shards: () => answer ?? 'nothing' });
      cleanups.push(() => server.stop());
      const driver = createReferenceDriver(driverOptions(server), {} as DriverEvents);
      await expect(driver.prepare()).rejects.toMatchObject({
        side: 'server',
        message: expect.stringContaining('is the target a Plimsoll server?'),
      });
    },
  );

  test.each(['http://127.0.0.1:80', 'ws://host', 'nonsense'])('the target %s is refused', (target) => {
    expect(() => createReferenceDriver({ target }, {} as DriverEvents)).toThrow(
      'is not an address like ws://host:port',
    );
  });

  test('connections to a server on loopback spread over its addresses', async () => {
    const { server, connect } = await setUp();
    for (let i = 0; i < 40; i++) await connect(`user-${i}`);
    const hosts = new Set(server.upgrades.map((u) => u.address.split(':')[0]));
    expect(hosts.size).toBeGreaterThan(4);
    for (const host of hosts) expect(host).toMatch(/^127\.0\.0\.([2-9]|[1-5]\d|6[0-5])$/);
  });
});

describe('connecting', () => {
  test('a wrong secret is refused', async () => {
    const { connect } = await setUp({ authSecret: 'right' }, 'wrong');
    await expect(connect('a')).rejects.toMatchObject({
      side: 'server',
      message: 'the server closed the connection before the welcome: 4401 the token is wrong',
    });
  });

  test('a server that does not welcome in time is given up', async () => {
    const { connect } = await setUp({ mute: true });
    await expect(connect('a', { timeoutMs: 150 })).rejects.toMatchObject({
      side: 'server',
      message: 'the server did not answer in time',
    });
  });

  test('head and position come from the welcome', async () => {
    const { connect, lines } = await setUp();
    const a = await connect('a');
    a.send('b', 1, Buffer.from('x'));
    a.send('b', 2, Buffer.from('y'));
    await until(() => expect(lines).toContain('a sent 2'));
    expect(a.position).toBe(2);
    const b = await connect('b', { after: 1 });
    expect(b.head).toBe(2);
    await until(() => expect(b.position).toBe(2));
    expect(lines.filter((line) => line.startsWith('b'))).toEqual(['b received a y']);
  });

  test('a position beyond the head is reset', async () => {
    const { connect } = await setUp();
    expect((await connect('a', { after: 9 })).position).toBe(0);
  });
});

describe('acknowledging', () => {
  test('acks are cumulative: few for many messages, and the last covers all', async () => {
    const { server, connect, lines } = await setUp();
    const a = await connect('a');
    await connect('b');
    for (let id = 1; id <= 100; id++) a.send('b', id, Buffer.from('x'));
    await until(() => expect(lines).toContain('a delivered 100'));
    expect(server.acks.at(-1)).toBe('b 100');
    expect(server.acks.length).toBeLessThanOrEqual(10);
    expect(lines.filter((line) => line.startsWith('a delivered'))).toHaveLength(100);
  });

  test('an owed ack leaves with the next send', async () => {
    const { server, connect, lines } = await setUp();
    const [a, b] = [await connect('a'), await connect('b')];
    a.send('b', 1, Buffer.from('ping'));
    await until(() => expect(lines).toContain('b received a ping'));
    b.send('a', 1, Buffer.from('pong'));
    await until(() => expect(lines).toContain('a received b pong'));
    await until(() => expect(lines).toContain('a delivered 1'));
    expect(server.acks.filter((ack) => ack.startsWith('b '))).toEqual(['b 1']);
  });

  test('flush sends what is owed at once, and an orderly close does', async () => {
    const { server, driver, connect, lines } = await setUp();
    const [a, b] = [await connect('a'), await connect('b')];
    a.send('b', 1, Buffer.from('x'));
    await until(() => expect(lines).toContain('b received a x'));
    driver.flush();
    await until(() => expect(server.acks).toContain('b 1'));
    a.send('b', 2, Buffer.from('y'));
    await until(() => expect(lines).toContain('b received a y'));
    b.close(true);
    await until(() => expect(server.acks).toContain('b 2'));
  });
});

describe('what the server says', () => {
  test('position counts only what is contiguous', async () => {
    const { server, connect, lines } = await setUp();
    const a = await connect('a');
    server.push(
      'a',
      frames((w) => encodeSent(w, 5, 3, 0)),
    );
    server.push(
      'a',
      frames((w) => encodeSent(w, 6, 5, 0)),
    );
    await until(() => expect(lines).toContain('a sent 6'));
    expect(a.position).toBe(0);
    const body = Buffer.from('x');
    server.push(
      'a',
      frames((w) => {
        for (const seq of [1, 2]) encodeMessage(w, 'in', seq, seq, 0, 'z', body);
      }),
    );
    await until(() => expect(a.position).toBe(3));
    server.push(
      'a',
      frames((w) => encodeMessage(w, 'out', 4, 4, 0, 'z', body)),
    );
    await until(() => expect(a.position).toBe(5));
    server.push(
      'a',
      frames((w) => encodeReset(w, 40)),
    );
    await until(() => expect(a.position).toBe(40));
    expect(lines.filter((line) => line.includes('received'))).toHaveLength(2);
  });

  test('duplicates are not hidden', async () => {
    const { server, connect, lines } = await setUp();
    await connect('a');
    const twice = frames((w) => encodeMessage(w, 'in', 1, 1, 0, 'z', Buffer.from('x')));
    server.push('a', Buffer.concat([twice, twice]));
    await until(() => expect(lines).toEqual(['a received z x', 'a received z x']));
  });

  test('errors fail their send; those of a busy server can be tried again', async () => {
    const { server, connect, lines } = await setUp();
    const a = await connect('a');
    server.refuse = true;
    a.send('b', 1, Buffer.from('x'));
    await until(() => expect(lines).toEqual(['a failed 1 not now true 100']));
    server.push(
      'a',
      frames((w) => encodeError(w, 1005, 2, 0, 'reused')),
    );
    await until(() => expect(lines.at(-1)).toBe('a failed 2 reused false 0'));
    server.push(
      'a',
      frames((w) => encodeError(w, 1009, 3, 250, 'too much')),
    );
    await until(() => expect(lines.at(-1)).toBe('a failed 3 too much true 250'));
    server.refuse = false;
    a.send('b', 1, Buffer.from('x'));
    await until(() => expect(lines.at(-1)).toBe('a stored 1'));
    expect(lines.at(-2)).toBe('a sent 1');
  });

  test.each([
    [4408, true],
    [1001, true],
    [4400, false],
    [4401, false],
    [4500, true],
    [4301, true],
  ])('close code %i: resumable %s', async (code, resumable) => {
    const { server, connect, lines } = await setUp();
    await connect('a');
    server.disconnect('a', code);
    await until(() => expect(lines).toEqual([`a closed ${code} as asked ${resumable}`]));
  });

  test('a malformed frame ends the connection', async () => {
    const { server, connect, lines } = await setUp();
    await connect('a');
    server.push('a', Buffer.from([0x99]));
    await until(() => expect(lines).toEqual(['a closed 4400 malformed frame: unknown frame type from a server false']));
  });
});

describe('groups and presence', () => {
  test('a group message names its group; of one’s own other device it is not reported', async () => {
    const { server, connect, lines } = await setUp();
    const a = await connect('a');
    server.push(
      'a',
      frames((w) => {
        encodeGroupMessage(w, 'in', 1, 1, 0, 'z', 'g', 9, Buffer.from('x'));
        encodeGroupMessage(w, 'out', 2, 1, 0, 'a', 'g', 0, Buffer.from('y'));
        encodeMessage(w, 'in', 3, 1, 0, 'z', Buffer.from('v'));
      }),
    );
    await until(() => expect(lines).toEqual(['a received z x in g', 'a received z v']));
    expect(a.position).toBe(3);
  });

  test('news of groups and of nobody are passed over, news of users counted', async () => {
    const { server, connect, lines } = await setUp();
    await connect('a');
    server.push(
      'a',
      frames((w) => {
        encodeGroupState(w, 0, 'g', 'member', 0, 0);
        encodePresenceState(w, [
          { user: 'b', state: 'online' },
          { user: 'c', state: 'unknown' },
        ]);
        encodeError(w, 1017, 0, 0, 'too many');
      }),
    );
    server.push(
      'a',
      frames((w) => encodeSent(w, 5, 1, 0)),
    );
    await until(() => expect(lines).toEqual(['a presence 2', 'a sent 5']));
  });

  test('a connection that breaks, or is closed, while a group is being made', async () => {
    const { server, connect } = await setUp();
    const [a, b] = [await connect('a'), await connect('b')];
    const broken = a.createGroup!('g', ['b']);
    const left = b.createGroup!('h', ['a']);
    server.disconnect('a');
    await expect(broken).rejects.toMatchObject({ side: 'server', message: 'the connection was lost' });
    b.close(true);
    await expect(left).rejects.toMatchObject({ message: 'the connection was lost' });
    await expect(b.createGroup!('h', ['a'])).rejects.toMatchObject({ message: 'the connection was lost' });
  });

  test('an offline recipient: stored', async () => {
    const { connect, lines } = await setUp();
    const a = await connect('a');
    a.send('b', 1, Buffer.from('x'));
    await until(() => expect([...lines].sort()).toEqual(['a sent 1', 'a stored 1']));
  });
});
