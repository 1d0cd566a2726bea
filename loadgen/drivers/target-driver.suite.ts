/** The contract of a target driver, as tests over a running target. What a driver is not capable of is skipped. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type CreateDriver,
  type DriverConnection,
  type DriverEvents,
  type DriverOptions,
  isDriverError,
  type TargetDriver,
} from './target-driver.ts';

export interface TargetUnderTest {
  createDriver: CreateDriver;
  options: DriverOptions;
  /** Break or close the user's connections from the server's side. Left out: not tested. */
  disconnect?(user: string): void | Promise<void>;
  stop(): void | Promise<void>;
}

interface Seen {
  sent: number[];
  failed: string[];
  received: string[];
  delivered: number[];
  closed: Array<{ code: number; resumable: boolean }>;
}

type Connection = DriverConnection<Seen>;

export interface SuiteOptions {
  /** How long the server may take for anything. Default 8,000. */
  waitMs?: number;
}

export function describeTargetDriver(
  name: string,
  start: () => Promise<TargetUnderTest>,
  { waitMs = 8_000 }: SuiteOptions = {},
): void {
  // Wherever the suite runs: a wait that is in vain says for what, before the test is over.
  describe(`target driver: ${name}`, { timeout: 3 * waitMs }, () => {
    const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: waitMs, interval: 5 });
    let target: TargetUnderTest;
    let driver: TargetDriver<Seen>;
    /** Users are new in each test. */
    let test_ = 0;

    beforeEach(async () => {
      target = await start();
      driver = target.createDriver(target.options, recordingEvents);
      await driver.prepare();
      test_++;
    });
    afterEach(async () => {
      await driver.close();
      await target.stop();
    });

    const user = (letter: string) => `suite-${test_}-${letter}`;
    const connect = (letter: string, after?: number, device = 'one'): Promise<Connection> => {
      const base = { user: user(letter), device, context: newSeen(), timeoutMs: 5000 };
      return driver.connect(after === undefined ? base : { ...base, after });
    };

    test('a message reaches its recipient and is acknowledged once', async ({ skip }) => {
      const [a, b] = [await connect('a'), await connect('b')];
      a.send(user('b'), 1, Buffer.from('hello'));
      await until(() => expect(b.context.received).toEqual([`${user('a')}:hello`]));
      if (!driver.capabilities.acknowledges) skip();
      await until(() => expect(a.context.sent).toEqual([1]));
      expect(a.context.failed).toEqual([]);
      expect(a.context.received).toEqual([]);
    });

    test('messages of one sender arrive in order, whole, once each; the body may be reused at once', async () => {
      const [a, b] = [await connect('a'), await connect('b')];
      const expected: string[] = [];
      const body = Buffer.alloc(300);
      for (let i = 1; i <= 200; i++) {
        const size = 1 + ((i * 37) % 300);
        body.fill(`${i} `);
        expected.push(`${user('a')}:${body.toString('latin1', 0, size)}`);
        a.send(user('b'), i, body.subarray(0, size));
      }
      await until(() => expect(b.context.received).toHaveLength(200));
      expect(b.context.received).toEqual(expected);
    });

    test('every send of a burst in both directions is acknowledged once', async ({ skip }) => {
      if (!driver.capabilities.acknowledges) skip();
      const [a, b] = [await connect('a'), await connect('b')];
      const ids = Array.from({ length: 100 }, (_, i) => i + 1);
      for (const id of ids) {
        a.send(user('b'), id, Buffer.from('x'));
        b.send(user('a'), id, Buffer.from('y'));
      }
      for (const c of [a, b]) {
        await until(() => expect([...c.context.sent].sort((x, y) => x - y)).toEqual(ids));
        await until(() => expect(c.context.received).toHaveLength(100));
      }
    });

    test('the sender learns of the delivery of each message once', async ({ skip }) => {
      if (!driver.capabilities.receipts) skip();
      const [a, b, c] = [await connect('a'), await connect('b'), await connect('c')];
      for (let id = 1; id <= 40; id++) a.send(user(id % 2 === 0 ? 'b' : 'c'), id, Buffer.from('x'));
      await until(() => expect(a.context.delivered).toHaveLength(40));
      expect(new Set(a.context.delivered).size).toBe(40);
      expect(b.context.received).toHaveLength(20);
      expect(c.context.received).toHaveLength(20);
    });

    test('a repeated id is acknowledged again but not delivered again', async ({ skip }) => {
      if (!driver.capabilities.acknowledges || !driver.capabilities.idempotent) skip();
      const [a, b] = [await connect('a'), await connect('b')];
      a.send(user('b'), 1, Buffer.from('once'));
      await until(() => expect(a.context.sent).toEqual([1]));
      a.send(user('b'), 1, Buffer.from('once'));
      await until(() => expect(a.context.sent).toEqual([1, 1]));
      a.send(user('b'), 2, Buffer.from('then'));
      await until(() => expect(b.context.received.at(-1)).toBe(`${user('a')}:then`));
      expect(b.context.received).toHaveLength(2);
    });

    test('who was away gets what was missed, in order and once, after the position', async ({ skip }) => {
      if (!driver.capabilities.resume) skip();
      const a = await connect('a');
      const first = await connect('b');
      a.send(user('b'), 1, Buffer.from('m1'));
      await until(() => expect(first.context.received).toHaveLength(1));
      const { position } = first;
      expect(position).toBeGreaterThan(0);
      first.close(false);
      for (let id = 2; id <= 6; id++) a.send(user('b'), id, Buffer.from(`m${id}`));
      await until(() => expect(a.context.sent).toHaveLength(6));
      const second = await connect('b', position);
      await until(() => expect(second.context.received).toHaveLength(5));
      a.send(user('b'), 7, Buffer.from('m7'));
      await until(() => expect(second.context.received).toHaveLength(6));
      expect(second.context.received).toEqual([2, 3, 4, 5, 6, 7].map((i) => `${user('a')}:m${i}`));
      expect(first.context.received).toHaveLength(1);
      if (second.head !== undefined) expect(second.position).toBeGreaterThan(second.head);
    });

    test('nothing is reported after the agent closed the connection', async () => {
      const [a, b, c] = [await connect('a'), await connect('b'), await connect('c')];
      // Before, so that they are under way to whoever closes.
      a.send(user('b'), 1, Buffer.from('x'));
      a.send(user('c'), 2, Buffer.from('x'));
      b.close(true);
      c.close(false);
      a.send(user('b'), 3, Buffer.from('x'));
      a.send(user('c'), 4, Buffer.from('x'));
      const witness = await connect('w');
      a.send(user('w'), 5, Buffer.from('x'));
      await until(() => expect(witness.context.received).toHaveLength(1));
      for (const closed of [b, c]) expect(closed.context).toEqual(newSeen());
    });

    test('a connection that the server ends is reported once, and can be made again', async ({ skip }) => {
      if (target.disconnect === undefined) skip();
      const a = await connect('a');
      await target.disconnect!(user('a'));
      await until(() => expect(a.context.closed).toHaveLength(1));
      expect(a.context.closed[0]!.resumable).toBe(true);
      a.send(user('b'), 1, Buffer.from('into the void'));
      const again = await connect('a', driver.capabilities.resume ? a.position : undefined);
      const b = await connect('b');
      again.send(user('b'), 2, Buffer.from('back'));
      await until(() => expect(b.context.received).toEqual([`${user('a')}:back`]));
      expect(a.context).toEqual({ ...newSeen(), closed: a.context.closed });
      expect(a.context.closed).toHaveLength(1);
    });

    test('a target that is not there is the server’s fault', async () => {
      const nowhere = target.createDriver<Seen>({ ...target.options, target: 'ws://127.0.0.1:1' }, recordingEvents);
      const error = await nowhere.prepare().catch((e: unknown) => e);
      expect(isDriverError(error)).toBe(true);
      expect(error).toMatchObject({ side: 'server' });
      await nowhere.close();
    });
  });
}

const recordingEvents: DriverEvents<Seen> = {
  sent: (c, id) => c.context.sent.push(id),
  sendFailed: (c, id, reason, retryable) => c.context.failed.push(`${id} ${reason} ${retryable}`),
  received: (c, from, body) => c.context.received.push(`${from}:${Buffer.from(body).toString('latin1')}`),
  delivered: (c, id) => c.context.delivered.push(id),
  closed: (c, code, _reason, resumable) => c.context.closed.push({ code, resumable }),
};

function newSeen(): Seen {
  return { sent: [], failed: [], received: [], delivered: [], closed: [] };
}
