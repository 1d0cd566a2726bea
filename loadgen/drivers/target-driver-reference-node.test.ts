/** The reference driver against a whole node: groups, presence, receipts for somebody away, and a client that reads nothing. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { cleanUp, startTestNode, type TestNode } from '../../server/testing/test-node.ts';
import type { DriverConnection, TargetDriver } from './target-driver.ts';
import { createReferenceDriver } from './target-driver-reference.ts';

interface Seen {
  lines: string[];
  presence: number;
  /** How it ended. */
  closed: number | null;
}

type Connection = DriverConnection<Seen>;

/** One for all tests: each has users of its own. */
let node: TestNode;
let driver: TargetDriver<Seen>;

beforeAll(async () => {
  node = await startTestNode({ settings: { presenceDebounceMs: 200 } });
});
afterAll(cleanUp);

beforeEach(async () => {
  driver = createReferenceDriver<Seen>(
    { target: `ws://127.0.0.1:${node.port}` },
    {
      sent: (c, id) => c.context.lines.push(`sent ${id}`),
      sendFailed: (c, id, reason, retryable) => c.context.lines.push(`failed ${id} ${retryable} ${reason}`),
      received: (c, from, body, group) => c.context.lines.push(`${from}→${group ?? c.user}: ${textOf(body)}`),
      delivered: (c, id) => c.context.lines.push(`delivered ${id}`),
      stored: (c, id) => c.context.lines.push(`stored ${id}`),
      presence: (c, changes) => {
        c.context.presence += changes;
      },
      closed: (c, code) => {
        c.context.closed = code;
      },
    },
  );
  await driver.prepare();
});
afterEach(() => driver.close());

const connect = (user: string, device = 'd'): Promise<Connection> =>
  driver.connect({ user, device, context: { lines: [], presence: 0, closed: null }, timeoutMs: 5_000 });

const textOf = (body: Uint8Array) => Buffer.from(body.subarray(0, 20)).toString('latin1');
const until = (check: () => void) => vi.waitFor(check, { timeout: 15_000, interval: 10 });

test('groups: made in pieces, made again, grown; messages reach every other member’s devices, once', async () => {
  const owner = await connect('owner');
  const members = Array.from({ length: 599 }, (_, i) => `m${i}`);
  const [first, last, phone, outsider] = [
    await connect('m0'),
    await connect('m598', 'd'),
    await connect('m598', 'phone'),
    await connect('outsider'),
  ];
  await owner.createGroup!('big', members);
  await owner.createGroup!('big', [...members, 'owner', 'm0']);
  await expect(outsider.createGroup!('big', ['m0'])).rejects.toMatchObject({
    side: 'server',
    final: true,
    message: 'the server refused: there is a group of this id already',
  });

  owner.sendGroup!('big', 1, Buffer.from('hello'));
  outsider.sendGroup!('big', 1, Buffer.from('let me in'));
  for (const c of [first, last, phone]) await until(() => expect(c.context.lines).toEqual(['owner→big: hello']));
  await until(() => expect(owner.context.lines).toEqual(['sent 1']));
  await until(() => expect(outsider.context.lines).toEqual([expect.stringMatching(/^failed 1 false /)]));

  // A group that is there already is made complete, be it the first piece that is incomplete.
  await owner.createGroup!('big', ['outsider', ...members]);
  last.sendGroup!('big', 2, Buffer.from('welcome'));
  for (const c of [owner, first, outsider]) await until(() => expect(c.context.lines.at(-1)).toBe('m598→big: welcome'));
  expect(phone.context.lines).toEqual(['owner→big: hello']);
  await until(() => expect(last.context.lines).toEqual(['owner→big: hello', 'sent 2']));
});

test('presence: told of those who are watched, 256 names a frame', async () => {
  const watcher = await connect('watcher');
  watcher.watch!([...Array.from({ length: 599 }, (_, i) => `absent${i}`), 'bob']);
  await until(() => expect(watcher.context.presence).toBe(600));
  await connect('bob');
  await until(() => expect(watcher.context.presence).toBeGreaterThan(600));
  expect(watcher.context.closed).toBe(null);
});

test('a message for somebody away is stored, and delivered once he has come', async () => {
  const a = await connect('a1');
  a.send('b1', 1, Buffer.from('later'));
  await until(() => expect([...a.context.lines].sort()).toEqual(['sent 1', 'stored 1']));
  const b = await connect('b1');
  await until(() => expect(b.context.lines).toEqual(['a1→b1: later']));
  await until(() => expect(a.context.lines.at(-1)).toBe('delivered 1'));
  expect(a.context.lines).toHaveLength(3);
});

test('a receipt that came while the sender was cut off is asked for', async () => {
  const lost = await connect('a2');
  lost.send('b2', 1, Buffer.from('x'));
  lost.send('c2', 2, Buffer.from('y'));
  await until(() => expect(lost.context.lines).toContain('stored 2'));
  lost.close(false);
  const b = await connect('b2');
  await until(() => expect(b.context.lines).toEqual(['a2→b2: x']));
  driver.flush();
  const a = await connect('a2');
  await until(() => expect(a.context.lines).toEqual(['delivered 1']));
  await connect('c2');
  await until(() => expect(a.context.lines).toEqual(['delivered 1', 'delivered 2']));
});

test('a repeat of what was delivered before is told to be', async () => {
  const [a, b] = [await connect('a3'), await connect('b3')];
  a.send('b3', 1, Buffer.from('x'));
  await until(() => expect(a.context.lines).toEqual(['sent 1', 'delivered 1']));
  a.close(true);
  const again = await connect('a3');
  again.send('b3', 1, Buffer.from('x'));
  again.send('b3', 2, Buffer.from('y'));
  await until(() =>
    expect([...again.context.lines].sort()).toEqual(['delivered 1', 'delivered 2', 'sent 1', 'sent 2']),
  );
  expect(b.context.lines).toEqual(['a3→b3: x', 'a3→b3: y']);
});

test('who leaves a connection that he reads no more hears of its sends on the next', async () => {
  const left = await connect('a4');
  left.send('b4', 1, Buffer.from('x'));
  await until(() => expect(left.context.lines).toContain('stored 1'));
  left.setPaused!(true);
  await connect('b4');
  const a = await connect('a4');
  await until(() => expect(a.context.lines).toEqual(['delivered 1']));
});

test('a client that reads nothing is left behind by the server, and resumes without a loss', async () => {
  const [a, slow, awake] = [await connect('a5'), await connect('b5', 'slow'), await connect('b5', 'awake')];
  slow.setPaused!(true);
  const body = Buffer.alloc(16_000, '.');
  // More than the kernel keeps on its way (a few MB on loopback) and the server for one connection (1 MiB).
  const count = 1_000;
  for (let id = 1; id <= count; id++) {
    body.write(`${id} `.padEnd(5, '.'));
    a.send('b5', id, body);
    if (id % 20 === 0) await until(() => expect(awake.context.lines).toHaveLength(id));
  }
  expect(slow.context.lines.length).toBeLessThan(count);
  expect(slow.context.closed).toBe(null);
  slow.setPaused!(false);
  await until(() => expect(slow.context.closed).not.toBe(null));
  const again = await driver.connect({
    user: 'b5',
    device: 'slow',
    context: { lines: [], presence: 0, closed: null },
    after: slow.position,
    timeoutMs: 5_000,
  });
  await until(() => expect(again.context.lines.at(-1)).toMatch(`a5→b5: ${count} `));
  const numbers = [...slow.context.lines, ...again.context.lines].map((line) =>
    Number.parseInt(line.slice('a5→b5: '.length), 10),
  );
  expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i + 1));
});
