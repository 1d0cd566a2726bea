import { describe, expect, it } from 'vitest';
import { type DescribedPopulation, describePopulation } from './describe-population.ts';
import { createGroups, type GroupPopulation } from './groups.ts';
import { HOURLY_CURVES, WORLD_TIME_ZONES } from './hourly-curves.ts';

const curve = HOURLY_CURVES.regional;
const given = (...sizes: number[]): GroupPopulation =>
  ({ count: sizes.length, size: (group: number) => sizes[group]! }) as GroupPopulation;

describe('a population in words', () => {
  it.each<[string, DescribedPopulation, string[]]>([
    ['nothing', {}, []],
    [
      'one zone',
      { timeZones: { curve, zones: [{ utcOffset: -3.5, share: 5 }] } },
      ['all users in UTC−3:30: highest 1.8 × the mean at 0–1 h UTC, lowest 0.22 × the mean at 7–8 h UTC'],
    ],
    [
      'the world',
      { timeZones: { curve, zones: WORLD_TIME_ZONES } },
      [
        'users in 20 time zones, most (21.1%) in UTC+8: highest 1.4 × the mean at 13–14 h UTC, lowest 0.61 × the mean at 22–23 h UTC',
      ],
    ],
    [
      'sessions',
      { sessions: { users: 500e6, sessionsPerUserPerDay: 12, sessionLengthMs: 300_000 } },
      [
        '500,000,000 users × 12 sessions a day ÷ 86,400 s = 69,444 sessions/s begin and end in the mean',
        "× 5m each = 20,833,333 users online in the mean, 4.17% of them (Little's law)",
      ],
    ],
    ['devices', { devices: { users: 50_000, mean: 1.3 } }, ['50,000 users × 1.3 devices = 65,000 connections']],
    ['pairs', { partners: { kind: 'pairs' } }, ['users write to one partner each, always the same']],
    ['anybody', { partners: { kind: 'uniform' } }, ['users write to anybody, equally often']],
    [
      'contacts',
      { partners: { kind: 'zipf', exponent: 1, contacts: 4 } },
      ['users write to 4 contacts each, by rank r with weight 1/r^1: 48% to the first'],
    ],
    [
      'groups alike',
      {
        groups: {
          groups: createGroups({ count: 1000, sizes: { kind: 'constant', members: 201 }, users: 1000, seed: 1 }),
          share: 0.3,
        },
      },
      [
        '1,000 groups of 201 members each; every member sends equally often, so a group message reaches 200 others in the mean',
        '30% of the messages to groups: 0.3 × 200 + 0.7 × 1 = 60.7 deliveries a message',
      ],
    ],
    [
      'groups of 2 and 8, on two devices',
      { groups: { groups: given(2, 8), share: 0.5, devices: 2 } },
      [
        '2 groups of 2 to 8 members, 5 in the mean; every member sends equally often, so a group message reaches 5.8 others in the mean',
        '50% of the messages to groups: 0.5 × 5.8 + 0.5 × 1 × 2 devices = 6.8 deliveries a message',
      ],
    ],
    ['no groups', { groups: { groups: given(), share: 0.5 } }, []],
    ['a payload', { payload: { kind: 'constant', bytes: 100 } }, ['100 bytes a message']],
    [
      'lognormal payloads',
      { payload: { kind: 'lognormal', medianBytes: 80, sigma: 0.5, maxBytes: 4000 } },
      ['lognormal payloads, median 80, sigma 0.5, at most 4,000: 91.0 bytes a message in the mean'],
    ],
    [
      'samples',
      { payload: { kind: 'samples', bytes: [50, 100, 150] } },
      ['payloads drawn from 3 samples: 100 bytes a message in the mean'],
    ],
  ])('%s', (_, population, lines) => {
    expect(describePopulation(population)).toEqual(lines);
  });

  it('says what comes to what in one order', () => {
    const lines = describePopulation({
      payload: { kind: 'constant', bytes: 100 },
      devices: { users: 10, mean: 2 },
      partners: { kind: 'pairs' },
    });
    expect(lines.map((line) => line.split(' ').at(-1))).toEqual(['connections', 'same', 'message']);
  });

  it('refuses what cannot be', () => {
    expect(() =>
      describePopulation({ sessions: { users: 1, sessionsPerUserPerDay: 30, sessionLengthMs: 3_600_000 } }),
    ).toThrow('30 sessions a day of 1h are 30 hours a day');
  });
});
