import { expect, test } from 'vitest';
import { VirtualClock } from '../clock.ts';
import type { AgentAssignment } from '../control/control-channel.ts';
import type { CreateDriver, DriverConnection, DriverEvents, TargetDriver } from '../drivers/target-driver.ts';
import { AgentRun } from './agent-run.ts';

const assignment: AgentAssignment = {
  segment: { index: 0, of: 1 },
  runTag: 1,
  seed: 1,
  driver: 'reference',
  target: 'ws://127.0.0.1:1',
  authSecret: null,
  users: 1,
  bodyBytes: 100,
  arrivals: 'constant',
  stages: [],
  warmUpMs: 0,
  steadyMs: 1_000,
  connecting: { perSecond: null, inFlight: 1 },
  connectTimeoutMs: 1_000,
  epochOffsetMs: 0,
};

test('a connection that ends in the same breath as it is welcomed is opened again', async () => {
  const clock = new VirtualClock();
  let connects = 0;
  const createDriver = ((_options: unknown, events: DriverEvents<unknown>) => ({
    capabilities: { resume: true, acknowledges: true, receipts: true, idempotent: true },
    connect: async ({ user, context }: { user: string; context: unknown }) => {
      const connection: DriverConnection<unknown> = { user, context, position: 3, send: () => {}, close: () => {} };
      // The welcome and the close of a server that is about to go came together: the close is told before anybody awaits.
      if (++connects === 1) events.closed(connection, 1001, 'going away', true, 'resume');
      return connection;
    },
    flush: () => {},
    close: async () => {},
  })) as unknown as CreateDriver;
  const run = new AgentRun(assignment, clock, createDriver as unknown as <C>() => TargetDriver<C>);
  await run.connect();
  for (let i = 0; i < 150; i++) {
    clock.advance(10);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { progress } = run.tick('none');
  expect([connects, progress.connections, progress.reconnecting, progress.lost]).toEqual([2, 1, 0, 0]);
  await run.close();
});
