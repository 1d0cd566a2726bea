import { expect, test } from 'vitest';
import type { Scenario } from '../../scenarios/scenario.ts';
import { VirtualClock } from '../clock.ts';
import type { AgentAssignment } from '../control/control-channel.ts';
import { audienceOf } from '../coordinator/audience.ts';
import type { CreateDriver, DriverConnection, DriverEvents, TargetDriver } from '../drivers/target-driver.ts';
import { type Reconciliation, reconcile } from '../recorder/delivery-ledger.ts';
import { expandLedgers } from '../recorder/ledger-expansion.ts';
import { assignmentOf } from '../testing/agent-assignment.ts';
import { SimulatedServer } from '../testing/simulated-server.ts';
import { AgentRun } from './agent-run.ts';

const LOAD_MS = 10_000;

class Simulation {
  readonly clock = new VirtualClock();
  readonly server: SimulatedServer;
  readonly assignment: AgentAssignment;
  readonly run: AgentRun;

  constructor(scenario: Partial<Scenario>, latencyMs = 5) {
    this.server = new SimulatedServer(this.clock, latencyMs);
    this.assignment = assignmentOf(scenario);
    this.run = new AgentRun(this.assignment, this.clock, this.server.createDriver);
  }

  /** Let virtual time pass in small steps, and what waits for it go on. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 5) {
      this.clock.advance(5);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async load(ms = LOAD_MS): Promise<void> {
    await this.run.prepare();
    let connected = false;
    const connecting = this.run.connect().then(() => {
      connected = true;
    });
    while (!connected) await this.pass(5);
    await connecting;
    this.run.startLoad(this.clock.nowMs());
    await this.pass(ms);
  }

  /** Drain until everything is through, and close the ledger. */
  async finish(): Promise<Reconciliation> {
    this.run.stopLoad();
    for (let i = 0; i < 100 && this.progress().unacknowledged > 0; i++) await this.pass(100);
    this.run.fetchMissed();
    await this.pass(100);
    for (let i = 0; i < 100 && this.progress().catchingUp > 0; i++) await this.pass(100);
    const { traffic, seed } = this.assignment;
    const ledgers = expandLedgers([this.run.ledger()], audienceOf({ ...traffic, seed }));
    await this.run.close();
    return reconcile(ledgers);
  }

  progress(): ReturnType<AgentRun['tick']>['progress'] {
    return this.run.tick('none').progress;
  }

  /** A counter in all phases, since it was looked at last. */
  counted(metric: string): number {
    const { samples } = this.run.tick('last');
    return samples!.counters.filter((row) => row.metric === metric).reduce((sum, { value }) => sum + value, 0);
  }

  /** Samples of a trend in all phases. */
  count(metric: string): number {
    const { samples } = this.run.tick('last');
    return samples!.histograms.filter((row) => row.metric === metric).reduce((sum, { count }) => sum + count, 0);
  }
}

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
  const assignment = assignmentOf({ connections: 1, load: { rate: 0 } });
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

test('users come and go, and what was sent to them meanwhile is fetched in the end', async () => {
  const simulation = new Simulation({
    connections: 40,
    population: { partners: 'uniform' },
    online: {
      start: 0.25,
      stages: [
        { target: 0.75, duration: '5s' },
        { target: 0.5, duration: '5s' },
      ],
    },
    load: { rate: 200 },
  });
  await simulation.load(0);
  expect(simulation.server.connections.size).toBe(10);
  await simulation.pass(4_990);
  expect(simulation.progress().connections).toBeGreaterThanOrEqual(29);
  await simulation.pass(5_000);
  expect(simulation.server.connections.size).toBeLessThanOrEqual(22);
  const { progress } = simulation.run.tick('none');
  expect(progress.expected).toBeGreaterThan(progress.delivered);
  const { totals } = await simulation.finish();
  expect(totals).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, pending: 0 });
  expect(totals.sent).toBeGreaterThan(1_500);
  expect(totals.delivered).toBe(totals.sent);
  // What waited for somebody offline is no latency of the server's.
  expect(simulation.count('delivery_latency')).toBeLessThan(totals.delivered);
});

test('sessions end and begin at the rate of the plan while the number online stays', async () => {
  const simulation = new Simulation({
    population: { dau: 4_000, messagesPerUserPerDay: 400, sessions: { perUserPerDay: 216, length: '10s' } },
    load: {},
  });
  await simulation.load();
  // 4,000 users × 216 sessions a day are 10 a second, 100 online.
  const { connections } = simulation.progress();
  expect(connections).toBeGreaterThan(90);
  expect(connections).toBeLessThan(105);
  expect(simulation.server.connects).toBeGreaterThan(100 + 60);
  expect(simulation.server.connects).toBeLessThan(100 + 150);
  expect((await simulation.finish()).totals).toMatchObject({ lost: 0, duplicated: 0, pending: 0 });
});

test('closed executors wait for their acknowledgements, think, and stop where they are told', async () => {
  const simulation = new Simulation({
    phases: { warmUp: 0 },
    flows: { calm: { think: '95ms' } },
    options: {
      scenarios: {
        busy: { executor: 'constant-vus', vus: 4, duration: '5s' },
        calm: { executor: 'constant-vus', vus: 4, duration: '10s', exec: 'calm' },
        each: { executor: 'per-vu-iterations', vus: 3, iterations: 7, maxDuration: '10s' },
        shared: { executor: 'shared-iterations', vus: 3, iterations: 20, maxDuration: '10s' },
      },
    },
  });
  await simulation.load();
  const received = (first: number, users: number): number =>
    Array.from({ length: users }, (_, i) => simulation.server.timeline(`u${first + i}`).length).reduce(
      (a, b) => a + b,
      0,
    );
  // 5 ms a round for 5 s; 100 ms a round for 10 s.
  expect(received(0, 4)).toBeGreaterThan(3_800);
  expect(received(0, 4)).toBeLessThanOrEqual(4_004);
  expect(received(4, 4)).toBeGreaterThan(300);
  expect(received(4, 4)).toBeLessThan(520);
  expect([received(8, 3), received(11, 3)]).toEqual([21, 20]);
  expect(simulation.progress().loadDone).toBe(true);
  // The busy ones have gone with their executor.
  expect(simulation.progress().connections).toBe(10);
  expect((await simulation.finish()).totals).toMatchObject({ lost: 0, pending: 0 });
});

test('group messages reach every device of every member, and are accounted for one by one', async () => {
  const simulation = new Simulation({
    connections: 60,
    population: {
      devices: 1.5,
      presence: { contacts: 3 },
      groups: { share: 0.5, count: 5, members: 12 },
    },
    load: { rate: 40 },
  });
  await simulation.load();
  expect(simulation.server.groups.size).toBe(5);
  expect(simulation.server.connections.size).toBe(90);
  expect(simulation.server.watched).toHaveLength(90);
  const { totals } = await simulation.finish();
  expect(totals).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, pending: 0 });
  const direct = 200 * 1.5;
  expect(totals.delivered).toBeGreaterThan(direct + 200 * 11);
  expect(simulation.count('fanout_latency')).toBeGreaterThan(1_000);
});

test('owners who are offline come for as long as their groups are being made', async () => {
  const simulation = new Simulation({
    connections: 20,
    online: { start: 0.1, stages: [{ target: 0.1, duration: '10s' }] },
    population: { groups: { share: 1, count: 40, members: 5 } },
    load: { rate: 10 },
  });
  await simulation.load(1_000);
  expect(simulation.server.groups.size).toBe(40);
  expect(simulation.server.connections.size).toBe(2);
  expect((await simulation.finish()).totals).toMatchObject({ lost: 0, pending: 0 });
});

test('what the target does not offer is said before anything is sent', async () => {
  const clock = new VirtualClock();
  const createDriver = (() => ({ name: 'mine', capabilities: {} })) as unknown as CreateDriver;
  const assignment = assignmentOf({
    connections: 10,
    load: { rate: 1 },
    population: { groups: { share: 1, count: 1, members: 3 } },
  });
  await expect(async () => new AgentRun(assignment, clock, createDriver).prepare()).rejects.toThrow(
    'the scenario asks for groups, which the driver mine does not offer',
  );
});

test.each([
  [['a', 'a'], false, 1],
  [['a', 'b'], true, 1],
  [['a', 'b'], false, 0.5],
])('agents on the hosts %j, deliveries between hosts measured: %s', async (hosts, deliveryAcrossHosts, share) => {
  const clock = new VirtualClock();
  const server = new SimulatedServer(clock);
  const scenario = { connections: 40, population: { partners: 'uniform' as const }, load: { rate: 200 } };
  const runs = [0, 1].map((index) => {
    const segment = { index, of: 2 };
    return new AgentRun(assignmentOf(scenario, { segment, hosts, deliveryAcrossHosts }), clock, server.createDriver);
  });
  for (const run of runs) {
    await run.prepare();
    await run.connect();
  }
  for (const run of runs) run.startLoad(clock.nowMs());
  for (let i = 0; i < 1_000; i++) {
    clock.advance(5);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const ticks = runs.map((run) => run.tick('last'));
  const rows = ticks.flatMap(({ samples }) => samples!.histograms);
  const measured = rows.reduce((sum, row) => sum + (row.metric === 'delivery_latency' ? row.count : 0), 0);
  const delivered = ticks.reduce((sum, { progress }) => sum + progress.delivered, 0);
  expect(delivered).toBeGreaterThan(900);
  if (share === 1) expect(measured).toBe(delivered);
  else expect(Math.abs(measured / delivered - share)).toBeLessThan(0.1);
  for (const run of runs) await run.close();
});

test('what the server refuses for good was offered, and is not waited for', async () => {
  const simulation = new Simulation({
    connections: 4,
    population: { devices: 2 },
    load: { rate: 10, arrivals: 'constant' },
  });
  simulation.server.send = (from, _to, _group, id) => {
    simulation.clock.after(5, () => from.events.sendFailed(from, id, 'too large', false));
  };
  await simulation.load();
  await simulation.pass(20);
  expect(simulation.progress()).toMatchObject({ sent: 100, acknowledged: 0, expected: 0, awaitingReceipt: 0 });
  expect(simulation.counted('deliveries_expected')).toBe(200);
  await simulation.run.close();
});

test('messages of a user who never gets a connection were offered', async () => {
  const simulation = new Simulation({ connections: 2, load: { rate: 10, arrivals: 'constant' } });
  await simulation.load(0);
  const [lost] = simulation.server.connections;
  lost!.close();
  simulation.server.events.closed(lost!, 4403, 'not here', false);
  await simulation.pass(LOAD_MS);
  expect(simulation.progress()).toMatchObject({ connections: 1, lost: 1, dropped: 0 });
  expect(simulation.progress().sent).toBeLessThan(90);
  expect(simulation.progress().awaitingReceipt).toBeGreaterThan(10);
  expect(simulation.counted('deliveries_expected')).toBe(100);
  await simulation.run.close();
});

test('receipts that wait for somebody offline do not fill the place of what is kept while the sender is away', async () => {
  const simulation = new Simulation({ connections: 2, load: { rate: 50 } });
  await simulation.load(0);
  const [sender, recipient] = [...simulation.server.connections];
  recipient!.close();
  simulation.server.events.closed(recipient!, 4403, 'not here', false);
  await simulation.pass(LOAD_MS - 1_000);
  expect(simulation.progress().acknowledged).toBeGreaterThan(150);
  expect(simulation.progress().dropped).toBeLessThan(200);
  const { dropped } = simulation.progress();
  sender!.close();
  simulation.server.events.closed(sender!, 4403, 'not here', false);
  await simulation.pass(500);
  // Those of the other one have no place any more.
  expect(simulation.progress().dropped - dropped).toBeLessThan(20);
  await simulation.run.close();
});

test.each([200, 3_000])(
  'who comes for what waits for him does not miss what is under way for %i ms',
  async (latencyMs) => {
    const simulation = new Simulation(
      {
        connections: 40,
        population: { partners: 'uniform' },
        online: { start: 0.25, stages: [{ target: 0.25, duration: '10s' }] },
        load: { rate: 200 },
      },
      latencyMs,
    );
    await simulation.load();
    const { totals } = await simulation.finish();
    expect(totals).toMatchObject({ lost: 0, pending: 0 });
    expect(totals.delivered).toBe(totals.sent);
  },
);
