import { expect, test } from 'vitest';
import { VirtualClock } from '../clock.ts';
import type { DriverConnection } from '../drivers/target-driver.ts';
import { CatchUp } from './catch-up.ts';
import type { Connector } from './connector.ts';
import { newVirtualUser, type VirtualUser } from './virtual-user.ts';

test('a user whose connection takes its time is not given up', async () => {
  const clock = new VirtualClock();
  const left: string[] = [];
  const connector = { begin: async () => {} } as unknown as Connector;
  const catchUp = new CatchUp({ clock, connector, leave: ({ name }) => left.push(name) });
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const user = newVirtualUser(0, 'alice');
  user.online = false;
  // Begun before the load ended, with a server that is slow to answer.
  user.reconnecting = true;
  catchUp.start([user]);
  void catchUp.fetch();
  await pass(10_000);
  expect([catchUp.left, left]).toEqual([1, []]);
  user.connection = { position: 3, head: 3 } as DriverConnection<VirtualUser>;
  user.reconnecting = false;
  await pass(1_000);
  expect([catchUp.left, left]).toEqual([0, ['alice']]);
});
