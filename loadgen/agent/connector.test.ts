import { expect, test } from 'vitest';
import { VirtualClock } from '../clock.ts';
import {
  type ConnectOptions,
  type DriverConnection,
  DriverError,
  type TargetDriver,
} from '../drivers/target-driver.ts';
import { createRandom, type Random } from '../random.ts';
import { Connector } from './connector.ts';
import { newVirtualUser, type VirtualUser } from './virtual-user.ts';

/** A target that answers each attempt as the test says; remembers when it was made and from which position. */
function start(answer: (attempt: number) => DriverError | null, random: Random = createRandom(1)) {
  const clock = new VirtualClock();
  const attempts: Array<{ atMs: number; after: number | undefined }> = [];
  const driver = {
    connect: async (options: ConnectOptions<VirtualUser>): Promise<DriverConnection<VirtualUser>> => {
      attempts.push({ atMs: clock.nowMs(), after: options.after });
      const error = answer(attempts.length);
      if (error !== null) throw error;
      return { user: options.user, context: options.context, position: 0, send: () => {}, close: () => {} };
    },
  } as unknown as TargetDriver<VirtualUser>;
  const events: string[] = [];
  const connector = new Connector({
    driver,
    clock,
    random,
    inFlight: 10,
    perSecond: null,
    timeoutMs: 1_000,
    opened: (user, _tookMs, resumed) => events.push(`${resumed ? 'resumed' : 'opened'} ${user.name}`),
    lost: (user) => events.push(`lost ${user.name}`),
    attemptFailed: () => events.push('attempt failed'),
    failed: (user) => events.push(`failed ${user.name}`),
  });
  /** Let virtual time pass in small steps, and what waits for it go on. */
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 10) {
      clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { connector, attempts, events, pass, user: { ...newVirtualUser(0, 'alice'), position: 7 } };
}

const refusal = (final = false) => new DriverError('server', 'refused', { final });
/** Always the end of the interval: pauses are as long as they may be. */
const longest: Random = { ...createRandom(1), uniform: () => 0.999 };

test('a lost connection is resumed from its position, with pauses whose bounds are those of PROTOCOL.md', async () => {
  const { connector, attempts, events, pass, user } = start((attempt) => (attempt < 6 ? refusal() : null), longest);
  void connector.reopen(user, 'resume');
  await pass(40_000);
  const pauses = attempts.map(({ atMs }, i) => Math.round((atMs - (attempts[i - 1]?.atMs ?? 0)) / 100) * 100);
  expect(pauses).toEqual([1_000, 1_000, 2_000, 4_000, 8_000, 16_000]);
  expect(attempts.every(({ after }) => after === 7)).toBe(true);
  expect([events, connector.reconnecting, user.reconnecting]).toEqual([['resumed alice'], 0, false]);
});

test('pauses are drawn over their whole range', async () => {
  const firsts: number[] = [];
  for (let seed = 0; seed < 40; seed++) {
    const { connector, attempts, pass, user } = start(() => null, createRandom(seed));
    void connector.reopen(user, 'resume');
    await pass(1_010);
    firsts.push(attempts[0]!.atMs);
  }
  expect(firsts.filter((ms) => ms < 500).length).toBeGreaterThan(10);
  expect(firsts.filter((ms) => ms > 500).length).toBeGreaterThan(10);
  expect(Math.max(...firsts)).toBeLessThanOrEqual(1_010);
});

test('a redirect is followed at once', async () => {
  const { connector, attempts, pass, user } = start(() => null, longest);
  void connector.reopen(user, 'elsewhere');
  await pass(10);
  expect(attempts).toHaveLength(1);
});

test('what would end the same way again is not tried again', async () => {
  const resumed = start((attempt) => refusal(attempt === 2));
  void resumed.connector.reopen(resumed.user, 'later');
  await resumed.pass(60_000);
  expect([resumed.attempts.length, resumed.events, resumed.connector.reconnecting]).toEqual([2, ['lost alice'], 0]);

  const opened = start(() => refusal(true));
  const report = opened.connector.openAll([opened.user]);
  await opened.pass(10);
  expect((await report).failed).toEqual({ generator: 0, server: 1 });
  expect([opened.attempts.length, opened.events]).toEqual([1, ['failed alice']]);
});

test('whose session begins anew does not wait out the pause of the last one', async () => {
  const { connector, attempts, events, pass, user } = start((attempt) => (attempt < 6 ? refusal() : null), longest);
  void connector.reopen(user, 'later');
  await pass(32_000);
  expect(attempts).toHaveLength(5);
  user.online = false;
  await pass(1_000);
  user.online = true;
  void connector.begin(user);
  await pass(10);
  expect(events).toEqual(['resumed alice']);
  expect(connector.reconnecting).toBe(0);
});
