import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allSegments, segmentRange } from '../coordinator/segments.ts';
import { createRandom } from '../random.ts';
import { createGroupSenders, createGroups, type GroupPopulation } from './groups.ts';

/** Groups with given members. */
function given(...members: number[][]): GroupPopulation {
  return {
    count: members.length,
    size: (group) => members[group]!.length,
    members: (group) => members[group]!,
    nameOf: String,
    ownerOf: (group) => members[group]![0]!,
  };
}

describe('group senders', () => {
  it('of all agents together are all members', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 30, max: 500 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer(),
        (users, of, seed) => {
          const sizes = { kind: 'lognormal', medianMembers: 8, sigma: 1, maxMembers: 200 } as const;
          const groups = createGroups({ count: 20, sizes, users, seed });
          const agents = allSegments(of).map((segment) => createGroupSenders(groups, segmentRange(users, segment)));
          for (let group = 0; group < groups.count; group++)
            expect(agents.flatMap((agent) => agent.localMembers(group))).toEqual(groups.members(group));
          const total = Array.from({ length: 20 }, (_, group) => groups.size(group)).reduce((a, b) => a + b, 0);
          expect(agents.reduce((sum, agent) => sum + agent.memberships, 0)).toBe(total);
        },
      ),
    );
  });

  it('are drawn from the agent’s users, into groups that they are in', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 200 }), fc.nat(), fc.nat(), fc.integer(), (users, a, b, seed) => {
        const range = { first: Math.min(a % users, b % users), end: Math.max(a % users, b % users) };
        const groups = createGroups({ count: 7, sizes: { kind: 'constant', members: 5 }, users, seed });
        const senders = createGroupSenders(groups, range);
        const random = createRandom(seed);
        for (let i = 0; i < 20; i++) {
          const drawn = senders.draw(random);
          expect(drawn === null).toBe(senders.memberships === 0);
          if (drawn === null) continue;
          expect(groups.members(drawn.group)).toContain(drawn.sender);
          expect(drawn.sender >= range.first && drawn.sender < range.end).toBe(true);
        }
      }),
    );
  });

  it('are drawn equally often per membership; groups without own members never', () => {
    // Users 10–19 are ours: three memberships in group 1, one in group 4, and user 12 is in both.
    const groups = given([0, 1], [5, 10, 12, 15, 25], [20, 21], [3, 30], [12, 40], [50, 51]);
    const senders = createGroupSenders(groups, { first: 10, end: 20 });
    expect(senders.memberships).toBe(4);
    expect([0, 1, 2, 3, 4, 5].map(senders.localMembers)).toEqual([[], [10, 12, 15], [], [], [12], []]);
    const random = createRandom(6);
    const seen = new Map<string, number>();
    for (let i = 0; i < 8000; i++) {
      const { group, sender } = senders.draw(random)!;
      seen.set(`${group}:${sender}`, (seen.get(`${group}:${sender}`) ?? 0) + 1);
    }
    expect([...seen.keys()].sort()).toEqual(['1:10', '1:12', '1:15', '4:12']);
    for (const times of seen.values()) expect(Math.abs(times - 2000)).toBeLessThan(200);
  });

  it.each([
    ['no groups', given(), 0],
    ['nobody of ours', given([0, 1], [30, 40]), 2],
  ])('are none with %s', (_, groups) => {
    const senders = createGroupSenders(groups, { first: 10, end: 20 });
    expect(senders.memberships).toBe(0);
    expect(senders.draw(createRandom(1))).toBeNull();
    expect(() => senders.localMembers(7)).toThrow(`there is no group 7 of ${groups.count}`);
  });
});
