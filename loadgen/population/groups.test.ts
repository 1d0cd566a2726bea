import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allSegments, segmentRange } from '../coordinator/segments.ts';
import { createGroups, type GroupPopulation, type GroupSizeSpec, meanFanOut } from './groups.ts';

const sizes: fc.Arbitrary<GroupSizeSpec> = fc.oneof(
  fc.record({ kind: fc.constant('constant' as const), members: fc.integer({ min: 2, max: 30 }) }),
  fc.record({
    kind: fc.constant('lognormal' as const),
    medianMembers: fc.double({ min: 1, max: 100, noNaN: true }),
    sigma: fc.double({ min: 0, max: 2, noNaN: true }),
    maxMembers: fc.integer({ min: 2, max: 500 }),
  }),
  fc.record({
    kind: fc.constant('zipf' as const),
    exponent: fc.double({ min: 0, max: 4, noNaN: true }),
    maxMembers: fc.integer({ min: 2, max: 500 }),
  }),
);
const options = fc.record({
  count: fc.integer({ min: 0, max: 40 }),
  sizes,
  users: fc.integer({ min: 30, max: 700 }),
  seed: fc.integer(),
});

function all(groups: GroupPopulation): Array<readonly number[]> {
  return Array.from({ length: groups.count }, (_, group) => groups.members(group));
}

function sizesOf(spec: GroupSizeSpec, count = 20_000, users = 1e6): number[] {
  const groups = createGroups({ count, sizes: spec, users, seed: 3 });
  return Array.from({ length: count }, (_, group) => groups.size(group));
}

describe('groups', () => {
  it('have distinct members, ascending, as many as their size says, the owner among them', () => {
    fc.assert(
      fc.property(options, (o) => {
        const groups = createGroups(o);
        for (const [group, members] of all(groups).entries()) {
          expect(members).toHaveLength(groups.size(group));
          expect(members.length).toBeGreaterThanOrEqual(2);
          expect(members.every((user, i) => user >= 0 && user < o.users && (i === 0 || user > members[i - 1]!))).toBe(
            true,
          );
          expect(members).toContain(groups.ownerOf(group));
        }
      }),
    );
  });

  it('are the same in every agent, whatever is asked for first and however many there are', () => {
    fc.assert(
      fc.property(options, (o) => {
        fc.pre(o.count > 0);
        const expected = all(createGroups(o));
        const backwards = createGroups({ ...o, count: o.count + 5 });
        for (let group = o.count - 1; group >= 0; group--) {
          backwards.ownerOf(group);
          expect(backwards.members(group)).toEqual(expected[group]);
        }
      }),
    );
  });

  it('are others for another seed', () => {
    const of = (seed: number) =>
      createGroups({ count: 1, sizes: { kind: 'constant', members: 10 }, users: 1000, seed });
    expect(of(1).members(0)).not.toEqual(of(2).members(0));
  });

  it('are spread over the population, and so are their owners', () => {
    const users = 1000;
    const groups = createGroups({ count: 2000, sizes: { kind: 'constant', members: 20 }, users, seed: 4 });
    for (const segment of allSegments(4)) {
      const { first, end } = segmentRange(users, segment);
      const inside = (user: number) => user >= first && user < end;
      expect(all(groups).flat().filter(inside).length / 40_000).toBeCloseTo(0.25, 1.5);
      expect(all(groups).filter((_, group) => inside(groups.ownerOf(group))).length / 2000).toBeCloseTo(0.25, 1);
    }
  });

  it('are kept within bounds: the same members again after others have been asked for', () => {
    const groups = createGroups({ count: 30, sizes: { kind: 'constant', members: 100_000 }, users: 150_000, seed: 1 });
    const first = groups.members(0);
    expect(groups.members(0)).toBe(first);
    for (let group = 1; group < 12; group++) groups.members(group);
    expect(groups.members(11)).toBe(groups.members(11));
    expect(groups.members(0)).not.toBe(first);
    expect(groups.members(0)).toEqual(first);
  });

  it('have names of their own where they have members of their own', () => {
    const constant: GroupSizeSpec = { kind: 'constant', members: 3 };
    const options = { count: 20, sizes: constant, users: 10, seed: 1 };
    const name = createGroups(options).nameOf(17);
    expect(name).toMatch(/^g17-[0-9a-z]{1,7}$/);
    expect(createGroups({ ...options, count: 30 }).nameOf(17)).toBe(name);
    const others = [{ seed: 2 }, { users: 11 }, { sizes: { kind: 'constant', members: 4 } as const }];
    expect(new Set(others.map((other) => createGroups({ ...options, ...other }).nameOf(17))).add(name).size).toBe(4);
  });
});

describe('group sizes', () => {
  it('constant: all alike', () => {
    expect(new Set(sizesOf({ kind: 'constant', members: 7 }))).toEqual(new Set([7]));
  });

  it('lognormal: half below the median, none below 2 or above the most', () => {
    const drawn = sizesOf({ kind: 'lognormal', medianMembers: 20, sigma: 1.2, maxMembers: 300 });
    expect(drawn.filter((size) => size < 20).length / drawn.length).toBeCloseTo(0.49, 1);
    expect(Math.min(...drawn)).toBe(2);
    expect(Math.max(...drawn)).toBe(300);
  });

  it('zipf: twice the size is 2^exponent times rarer', () => {
    const drawn = sizesOf({ kind: 'zipf', exponent: 2, maxMembers: 1000 });
    const times = (size: number) => drawn.filter((n) => n === size).length;
    expect(times(2) / times(4)).toBeGreaterThan(3.5);
    expect(times(2) / times(4)).toBeLessThan(4.5);
    expect(Math.min(...drawn)).toBe(2);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(1000);
  });

  it('are cut to the users that there are', () => {
    expect(new Set(sizesOf({ kind: 'lognormal', medianMembers: 500, sigma: 0.1, maxMembers: 1000 }, 50, 9))).toEqual(
      new Set([9]),
    );
    expect(Math.max(...sizesOf({ kind: 'zipf', exponent: 0, maxMembers: 1000 }, 500, 9))).toBe(9);
  });
});

describe('the mean fan-out', () => {
  it.each<[string, GroupSizeSpec, number, number]>([
    ['of pairs is 1', { kind: 'constant', members: 2 }, 10, 1],
    ['of groups of 200 is 199', { kind: 'constant', members: 200 }, 10, 199],
    ['of no groups is 0', { kind: 'constant', members: 200 }, 0, 0],
  ])('%s', (_, spec, count, expected) => {
    expect(meanFanOut(createGroups({ count, sizes: spec, users: 1000, seed: 1 }))).toBe(expected);
  });

  it('weighs large groups by their senders: sizes 2 and 8 have 5.8, not 4', () => {
    const groups = { count: 2, size: (group: number) => [2, 8][group]! } as GroupPopulation;
    expect(meanFanOut(groups)).toBeCloseTo((2 * 1 + 8 * 7) / 10, 12);
  });
});

describe('groups that cannot be', () => {
  it.each<[string, number, GroupSizeSpec, number, string]>([
    [
      'half a group',
      1.5,
      { kind: 'constant', members: 5 },
      10,
      'the number of groups must be a whole number from 0 to 10,000,000, not 1.5',
    ],
    ['one user', 1, { kind: 'zipf', exponent: 1, maxMembers: 5 }, 1, 'the users that form groups'],
    ['one member', 1, { kind: 'constant', members: 1 }, 10, 'the members of a group must be a whole number from 2'],
    [
      'more members than users',
      1,
      { kind: 'constant', members: 11 },
      10,
      'groups of 11 members need at least as many users, not 10',
    ],
    ['one member at most', 1, { kind: 'zipf', exponent: 1, maxMembers: 1 }, 10, 'the most members of a group'],
    [
      'a negative exponent',
      1,
      { kind: 'zipf', exponent: -1, maxMembers: 9 },
      10,
      'the exponent of group sizes must be from 0 to 10, not -1',
    ],
    ['no median', 1, { kind: 'lognormal', medianMembers: 0, sigma: 1, maxMembers: 9 }, 10, 'the median of the members'],
    ['no sigma', 1, { kind: 'lognormal', medianMembers: 5, sigma: Number.NaN, maxMembers: 9 }, 10, 'not NaN'],
  ])('%s', (_, count, spec, users, message) => {
    expect(() => createGroups({ count, sizes: spec, users, seed: 1 })).toThrow(message);
  });

  it.each([-1, 3, 0.5, Number.NaN])('there is no group %d of 3', (group) => {
    const groups = createGroups({ count: 3, sizes: { kind: 'constant', members: 2 }, users: 9, seed: 1 });
    for (const ask of [groups.size, groups.members, groups.ownerOf])
      expect(() => ask(group)).toThrow(`there is no group ${group} of 3`);
  });
});
