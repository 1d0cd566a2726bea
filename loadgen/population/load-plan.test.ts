import { describe, expect, it } from 'vitest';
import type { Scenario } from '../../scenarios/scenario.ts';
import { parseScenario } from '../../scenarios/scenario-schema.ts';
import type { RateStage } from '../pacing/rate-curve.ts';
import { compileScenario, type LoadOverrides, type LoadPlan } from './load-plan.ts';

const BASE: Scenario = {
  name: 'test',
  description: 'd',
  question: 'q',
  badSign: 'b',
  connections: 100,
  load: { rate: 50 },
};
const NODE: Partial<Scenario> = {
  connections: '50k',
  population: { dau: '500M', messagesPerUserPerDay: 40, nodes: '10k' },
  load: { at: 'peak' },
};
const RAMP: Partial<Scenario> = {
  load: {
    executor: 'ramping-arrival-rate',
    startRate: 10,
    stages: [
      { target: 100, duration: '10s' },
      { target: 100, duration: '20s' },
    ],
  },
};

function compile(changes: Partial<Scenario>, overrides: LoadOverrides = {}) {
  return compileScenario(parseScenario({ ...BASE, ...changes }), overrides);
}

/** Of the first stream, warm-up included. */
function stagesOf({ streams }: LoadPlan): RateStage[] {
  const { pace } = streams[0]!;
  return pace.model === 'open' ? pace.stages : [];
}

describe('a load plan', () => {
  it('has what the scenario says, defaults filled in', () => {
    expect(compile({})).toMatchObject({
      name: 'test',
      users: 100,
      connections: 100,
      rate: 50,
      ratePeak: 50,
      bodyBytes: 100,
      fanOut: 1,
      phases: { warmUpMs: 5000, steadyMs: 30_000, drainMs: 10_000 },
      blocks: [{ first: 0, users: 100, online: null, turnover: [] }],
      streams: [
        {
          name: 'default',
          to: 'user',
          block: 0,
          startMs: 0,
          pace: {
            model: 'open',
            arrivals: 'poisson',
            stages: [
              { fromRate: 50, toRate: 50, durationMs: 5000 },
              { fromRate: 50, toRate: 50, durationMs: 30_000 },
            ],
          },
        },
      ],
      connecting: { perSecond: null, inFlight: 200 },
      server: { shards: null, store: null, durability: null },
      agents: null,
      seed: 1,
      thresholds: [],
    });
  });

  it.each([
    ['mean', 23.148],
    ['peak', 41.667],
    [5, 115.741],
  ] as const)('derives the rate at %s', (at, expected) => {
    expect(compile({ ...NODE, load: { at } }).rate).toBeCloseTo(expected, 3);
  });

  it('scales a derived rate with -c and says so', () => {
    const plan = compile(NODE, { connections: 5000 });
    expect(plan.users).toBe(5000);
    expect(plan.rate).toBeCloseTo(4.1667, 3);
    expect(plan.derivation).toContain('5,000 connections, as asked for on the command line');
    expect(plan.derivation).toContain('× 5,000 of 500,000,000 connections = 2.3/s for the slice');
    expect(plan.derivation.at(-1)).toBe('offered: 4.2 messages/s, the hourly peak');
  });

  it('leaves an explicit rate alone under -c, and puts -R over everything', () => {
    expect(compile({}, { connections: 10 }).rate).toBe(50);
    const plan = compile(NODE, { connections: 5000, rate: 7 });
    expect(plan.rate).toBe(7);
    expect(plan.derivation.at(-1)).toBe('offered: 7 messages/s, as asked for on the command line');
  });

  it('puts every other override over the scenario', () => {
    const overrides = {
      durationMs: 1000,
      seed: 9,
      shards: 3,
      agents: 2,
      store: 'memory:',
      durability: 'none',
    } as const;
    expect(compile({ server: { shards: 1, store: 'level:x', durability: 'fsync' }, seed: 4 }, overrides)).toMatchObject(
      {
        phases: { steadyMs: 1000 },
        seed: 9,
        agents: 2,
        server: { shards: 3, store: 'memory:', durability: 'none' },
      },
    );
  });

  it('reads ramps as k6 does; the warm-up holds the start rate', () => {
    const plan = compile(RAMP);
    expect(stagesOf(plan)).toEqual([
      { fromRate: 10, toRate: 10, durationMs: 5000 },
      { fromRate: 10, toRate: 100, durationMs: 10_000 },
      { fromRate: 100, toRate: 100, durationMs: 20_000 },
    ]);
    expect(plan.rate).toBeCloseTo((55 * 10 + 100 * 20) / 30, 9);
    expect(plan.derivation.at(-1)).toBe('offered: 10 → 100 → 100 messages/s, as the scenario says');
  });

  it('scales a ramp to -R and stretches it to -d', () => {
    const plan = compile(RAMP, { rate: 10, durationMs: 3000 });
    expect(plan.phases.steadyMs).toBe(3000);
    expect(stagesOf(plan).slice(1)).toEqual([
      { fromRate: 1, toRate: 10, durationMs: 1000 },
      { fromRate: 10, toRate: 10, durationMs: 2000 },
    ]);
  });

  it('jumps where a stage lasts 0 s', () => {
    const load: Scenario['load'] = {
      executor: 'ramping-arrival-rate',
      timeUnit: '1m',
      stages: [
        { target: 600, duration: 0 },
        { target: 600, duration: '5s' },
      ],
    };
    expect(stagesOf(compile({ load, phases: { warmUp: 0 } }))).toEqual([
      { fromRate: 10, toRate: 10, durationMs: 5000 },
    ]);
  });
});

describe('what does not go together', () => {
  it.each<[string, Partial<Scenario>, LoadOverrides, string]>([
    [
      'a rate nobody can send',
      { load: { rate: '1M' } },
      {},
      '1,000,000 messages/s are more than 100 connections can send (at most 1,000/s each, 100,000/s in all)',
    ],
    ['the same by -R', {}, { rate: 1e6 }, 'more than 100 connections can send'],
    [
      'a ramp to it',
      { load: { executor: 'ramping-arrival-rate', stages: [{ target: '1M', duration: '1s' }] } },
      {},
      'more than 100',
    ],
    ['a rate without a message', { load: { rate: 0.01 } }, {}, 'not one message falls into a steady phase of 30s'],
    ['nobody to write to', { connections: 1 }, {}, 'one connection has nobody to write to'],
    ['two rates', { ...NODE, load: { at: 'peak', rate: 5 } }, {}, '"load" has both "rate" and "at"'],
    ['no rate', { load: {} }, {}, '"load.rate" is missing'],
    [
      'more connections than users',
      { ...NODE, connections: '600M' },
      {},
      '600,000,000 connections are more than the 500,000,000 users',
    ],
    [
      'an empty node',
      { population: { dau: 10, messagesPerUserPerDay: 1, nodes: 1000 }, connections: undefined as never },
      {},
      'less than one connection a node',
    ],
    [
      'no time',
      { load: { executor: 'ramping-arrival-rate', stages: [{ target: 1, duration: 0 }] } },
      {},
      '"load.stages" last 0 s',
    ],
    [
      'two durations',
      { ...RAMP, phases: { steady: '1m' } },
      {},
      '"phases.steady" is 1m, but the stages of the load last 30s',
    ],
    [
      'a wrong threshold',
      { options: { thresholds: { delivery_latncy: ['p(99)<100'] } } },
      {},
      'did you mean "delivery_latency"?',
    ],
    ['a negative override', {}, { rate: -1 }, 'the rate must be a number of messages/s of 0 or more, not -1'],
    ['NaN', {}, { durationMs: Number.NaN }, 'the duration must be above 0, not NaN'],
    ['half a connection', {}, { connections: 0.5 }, 'the connections must be a whole number of 1 or more'],
  ])('%s', (_, changes, overrides, message) => {
    expect(() => compile(changes, overrides)).toThrow(message);
  });

  it('but a run without messages is fine', () => {
    expect(compile({ connections: 1, load: { rate: 0 } })).toMatchObject({ users: 1, rate: 0 });
  });
});
