import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../scenarios/scenario.ts';
import { parseScenario } from '../../scenarios/scenario-schema.ts';
import { createRateCurve } from '../pacing/rate-curve.ts';
import { stageValueAt } from '../pacing/stage-value.ts';
import { compileScenario, type LoadOverrides, type LoadPlan } from './load-plan.ts';

const BASE: Scenario = { name: 'test', description: 'd', question: 'q', badSign: 'b' };
const POPULATION = { dau: '500M', messagesPerUserPerDay: 40, nodes: '10k' };

function compile(changes: Partial<Scenario>, overrides: LoadOverrides = {}): LoadPlan {
  return compileScenario(parseScenario({ ...BASE, ...changes }), overrides);
}

function messages(plan: LoadPlan, stream: number): number {
  const { pace } = plan.streams[stream]!;
  return pace.model === 'open' ? createRateCurve(pace.stages).total : Number.NaN;
}

describe('a day', () => {
  const DAY: Partial<Scenario> = {
    population: POPULATION,
    load: { executor: 'daily-curve', day: '4m' },
    phases: { warmUp: 0 },
  };

  it('is compressed in time and not in rate', () => {
    const plan = compile(DAY);
    expect(plan.phases.steadyMs).toBe(240_000);
    expect(plan.rate).toBeCloseTo(23.148, 2);
    expect(plan.ratePeak).toBeCloseTo(41.667, 1);
    expect(messages(plan, 0)).toBeCloseTo(23.148 * 240, 0);
    expect(plan.remarks[0]).toMatch(/the day is compressed 360-fold in time, not in rate/);
  });

  it('may be a part of itself, stretched by -d', () => {
    const load = { executor: 'daily-curve', day: '4m', fromHour: 18, toHour: 24 } as const;
    expect(compile({ ...DAY, load }).phases.steadyMs).toBe(60_000);
    const overMidnight = { ...load, fromHour: 22, toHour: 4 };
    expect(compile({ ...DAY, load: overMidnight }).phases.steadyMs).toBe(60_000);
    const plan = compile({ ...DAY, load }, { durationMs: 30_000 });
    expect(plan.phases.steadyMs).toBe(30_000);
    expect(plan.remarks[0]).toMatch(/720-fold/);
  });

  it('has sessions that follow its curve: as many online as Little says, and as many ends', () => {
    const population = { ...POPULATION, sessions: { perUserPerDay: 12, length: '15m' } };
    const plan = compile({ ...DAY, population });
    const [crowd] = plan.blocks;
    expect(crowd!.users).toBeCloseTo(50_000, -2);
    const mean = createRateCurve(crowd!.online!).total / 240;
    expect(mean / crowd!.users).toBeCloseTo(0.125, 3);
    const ends = createRateCurve(crowd!.turnover).total / 240;
    expect(ends).toBeCloseTo(mean / 900, 2);
    const most = Math.max(...crowd!.online!.map(({ toRate }) => toRate));
    expect(plan.connections).toBe(Math.round(most));
    expect(plan.connectionsAtStart).toBe(Math.round(stageValueAt(crowd!.online!, 0)));
  });

  it('scales the users with -c, which counts those who are online at the busiest moment', () => {
    const population = { ...POPULATION, sessions: { perUserPerDay: 12, length: '15m' } };
    const [whole, half] = [compile({ ...DAY, population }), compile({ ...DAY, population }, { connections: 1000 })];
    expect(half.connections).toBe(1000);
    expect(half.users / whole.users).toBeCloseTo(1000 / whole.connections, 3);
    expect(half.rate / whole.rate).toBeCloseTo(1000 / whole.connections, 3);
  });
});

describe('a population without numbers of users', () => {
  it('still says whom to write to and what', () => {
    const plan = compile({
      connections: 1000,
      load: { rate: 100 },
      population: {
        partners: { zipf: 1.1 },
        messageBytes: { median: 80, sigma: 0.5, max: 1000 },
        devices: 1.5,
        presence: { contacts: 10 },
      },
    });
    expect(plan).toMatchObject({
      users: 1000,
      connections: 1500,
      devices: 1.5,
      fanOut: 1.5,
      presenceContacts: 10,
      partners: { kind: 'zipf', exponent: 1.1, contacts: 20 },
      payload: { kind: 'lognormal', medianBytes: 80, sigma: 0.5, maxBytes: 1000 },
    });
    expect(plan.bodyBytes).toBeGreaterThan(80);
  });

  it('splits the messages between users and groups', () => {
    const plan = compile({
      connections: 1000,
      load: { rate: 100 },
      population: { groups: { share: 0.25, count: 40, members: 50 } },
    });
    expect(plan.streams.map(({ name, to }) => [name, to])).toEqual([
      ['direct', 'user'],
      ['group', 'group'],
    ]);
    expect(messages(plan, 1) / (messages(plan, 0) + messages(plan, 1))).toBeCloseTo(0.25, 9);
    expect(plan.fanOut).toBeCloseTo(0.75 + 0.25 * 49, 6);
  });

  it('lets a share be offline', () => {
    const plan = compile({
      connections: 1000,
      load: { rate: 10 },
      online: {
        start: 0.5,
        stages: [
          { target: 0.5, duration: '10s' },
          { target: 1, duration: '2s' },
        ],
      },
    });
    expect(plan.connections).toBe(1000);
    expect(plan.connectionsAtStart).toBe(500);
    // Held during the warm-up.
    expect(stageValueAt(plan.blocks[0]!.online!, 5000 + 11_000)).toBe(750);
  });
});

describe("k6's executors", () => {
  const scenarios = {
    closed: { executor: 'constant-vus', vus: 10, duration: '20s', exec: 'chat' },
    ramp: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: [
        { target: 50, duration: '10s' },
        { target: 0, duration: '5s' },
      ],
      startTime: '10s',
    },
    open: { executor: 'constant-arrival-rate', rate: 600, timeUnit: '1m', duration: '30s', preAllocatedVUs: 5 },
    each: { executor: 'per-vu-iterations', vus: 4, iterations: 25, maxDuration: '15s' },
    shared: { executor: 'shared-iterations', vus: 4, iterations: 25, maxDuration: '15s' },
  } satisfies NonNullable<NonNullable<Scenario['options']>['scenarios']>;

  it('shared iterations are at least one for each virtual user', () => {
    const few = { executor: 'shared-iterations', vus: 4, iterations: 3, maxDuration: '15s' } as const;
    expect(() => compile({ options: { scenarios: { few } } })).toThrow(
      '"options.scenarios.few" has fewer iterations (3) than virtual users (4)',
    );
  });

  it('run side by side, each with its users, its start and its pace', () => {
    const plan = compile({ connections: 100, flows: { chat: { think: '1s' } }, options: { scenarios } });
    expect(plan.warmUpMs).toBe(0);
    expect(plan.steadyMs).toBe(30_000);
    expect(plan.rate).toBe(10);
    expect(plan.endsWhenDone).toBe(false);
    expect(plan.blocks.map(({ name, first, users }) => [name, first, users])).toEqual([
      ['crowd', 0, 100],
      ['closed', 100, 10],
      ['ramp', 110, 50],
      ['each', 160, 4],
      ['shared', 164, 4],
    ]);
    expect(plan.users).toBe(168);
    // At the ramp's height, after 20 s, those with iterations have gone.
    expect(plan.connections).toBe(100 + 10 + 50);
    expect(plan.connectionsAtStart).toBe(118);
    expect(plan.streams.map(({ name, block, startMs, pace }) => [name, block, startMs, pace.model])).toEqual([
      ['closed', 1, 0, 'closed'],
      ['ramp', 2, 10_000, 'closed'],
      ['open', 0, 0, 'open'],
      ['each', 3, 0, 'closed'],
      ['shared', 4, 0, 'closed'],
    ]);
    expect(plan.streams[0]!.pace).toMatchObject({ thinkMs: 1000, durationMs: 20_000, iterations: null });
    expect(plan.streams[3]!.pace).toMatchObject({ iterations: { perUser: 25 } });
    expect(plan.streams[4]!.pace).toMatchObject({ iterations: { shared: 25 } });
    const ramp = plan.blocks[2]!.online!;
    expect([0, 9999, 15_000, 20_000, 22_500, 25_000, 30_000].map((ms) => Math.round(stageValueAt(ramp, ms)))).toEqual([
      0, 0, 25, 50, 25, 0, 0,
    ]);
  });

  it('are stretched by -d', () => {
    const { closed, ramp } = scenarios;
    const plan = compile({ flows: { chat: {} }, options: { scenarios: { closed, ramp } } }, { durationMs: 50_000 });
    expect(plan.steadyMs).toBe(50_000);
    expect(plan.streams.map(({ startMs, pace }) => [startMs, pace.model === 'closed' && pace.durationMs])).toEqual([
      [0, 40_000],
      [20_000, 30_000],
    ]);
    expect(() => compile({ options: { scenarios: { ramp } } }, { rate: 5 })).toThrow('executors of their own rates');
  });

  it('end when their iterations are done', () => {
    const { each, shared } = scenarios;
    expect(compile({ options: { scenarios: { each, shared } } }).endsWhenDone).toBe(true);
  });

  it.each<[string, Partial<Scenario>, string]>([
    [
      'nobody to draw from',
      { options: { scenarios: { open: scenarios.open } } },
      'needs users to draw its senders from',
    ],
    [
      'an unknown flow',
      { options: { scenarios: { closed: scenarios.closed } } },
      'names the flow "chat", but there are only "default"',
    ],
    [
      'groups that are not there',
      {
        connections: 10,
        flows: { chat: { to: 'group' } },
        options: { scenarios: { a: { ...scenarios.open, exec: 'chat' } } },
      },
      'sends to groups, of which "population.groups" makes none',
    ],
    [
      'one user',
      { options: { scenarios: { a: { executor: 'constant-vus', vus: 1, duration: '1s' } } } },
      'nobody to write to',
    ],
    [
      'more nodes than there are',
      { population: { ...POPULATION, sliceNodes: '20k' }, load: {} },
      'more than the 10,000 nodes',
    ],
    ['nothing at all', { connections: 5 }, '"load" is missing'],
    [
      'a fault too late',
      { connections: 5, load: { rate: 1 }, faults: [{ kind: 'kill-shard', at: '31s' }] },
      'comes after the steady phase of 30s; -d 1m1s is long enough',
    ],
    [
      'a day of nobody',
      { connections: 5, load: { executor: 'daily-curve' } },
      'replays a day, which takes a population',
    ],
    [
      'sessions longer than a day',
      { population: { ...POPULATION, sessions: { perUserPerDay: 30, length: '1h' } }, load: {} },
      '30 hours a day',
    ],
    [
      'a share that contradicts the sessions',
      { population: { ...POPULATION, shareOnline: 0.5, sessions: { perUserPerDay: 1, length: '1h' } }, load: {} },
      "Little's law",
    ],
    [
      'sessions of nobody',
      { connections: 5, population: { sessions: { perUserPerDay: 1, length: '1h' } }, load: { rate: 1 } },
      '"population.dau" is missing',
    ],
    [
      'groups larger than the crowd',
      { connections: 5, population: { groups: { share: 1, count: 1, members: 6 } }, load: { rate: 1 } },
      'there are only 5 users',
    ],
  ])('refuse %s', (_, changes, message) => {
    expect(() => compile(changes)).toThrow(message);
  });
});

describe('sessions', () => {
  const population = { ...POPULATION, sessions: { perUserPerDay: 12, length: '15m' } };
  const STAGES = [{ target: 1, duration: '2m' }];
  const steady = { executor: 'constant-arrival-rate', rate: 10, duration: '10m', preAllocatedVUs: 1 } as const;

  it.each<[string, Partial<Scenario>, LoadOverrides, number]>([
    ['a ramp', { load: { executor: 'ramping-arrival-rate', of: 'mean', stages: STAGES } }, {}, 125],
    ['an open executor', { options: { scenarios: { steady } } }, {}, 600],
    ['a load and a longer executor', { load: {}, options: { scenarios: { steady } } }, {}, 600],
    ['what -d makes of them', { options: { scenarios: { steady } } }, { durationMs: 90_000 }, 90],
  ])('end and begin for as long as %s lasts', (_what, changes, overrides, seconds) => {
    const plan = compile({ population, ...changes }, overrides);
    const { turnover } = plan.blocks[0]!;
    expect(plan.warmUpMs + plan.steadyMs).toBe(seconds * 1_000);
    expect(turnover.reduce((sum, { durationMs }) => sum + durationMs, 0)).toBe(seconds * 1_000);
  });
});
