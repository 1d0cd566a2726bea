import { expect, test } from 'vitest';
import { VirtualClock } from '../clock.ts';
import type { DriverConnection } from '../drivers/target-driver.ts';
import { createRandom } from '../random.ts';
import { ClosedLoop } from './closed-loop.ts';
import { newVirtualUser, type VirtualUser } from './virtual-user.ts';

/** As Node's timers, which know whole milliseconds only. */
class EarlyClock extends VirtualClock {
  override after(delayMs: number, call: () => void) {
    return super.after(delayMs - 0.9, call);
  }
}

test('users begin although the timer fires a little before the start', () => {
  const clock = new EarlyClock();
  const users = [0, 1].map((index) => {
    const user = newVirtualUser(index, `u${index}`);
    user.connection = {} as DriverConnection<VirtualUser>;
    return user;
  });
  const sent: number[] = [];
  const loop = new ClosedLoop({
    clock,
    random: createRandom(1),
    pace: { model: 'closed', durationMs: 1_000, thinkMs: 0, iterations: { perUser: 1 } },
    segment: { index: 0, of: 1 },
    users,
    startMs: 500,
    send: ({ index }) => sent.push(index),
  });
  loop.ready(users[0]!);
  expect(sent).toEqual([]);
  clock.advance(500);
  expect(sent).toEqual([0, 1]);
  for (const user of users) loop.iterated(user);
  expect(loop.done).toBe(true);
});
