/** Who of an agent's users sends a group message, and to which group. */
import type { Random } from '../random.ts';
import type { GroupPopulation } from './groups.ts';

export interface GroupSenders {
  /** A group and one of the agent's users in it: every membership is equally likely, so every member of every group sends equally often. Null when none of the users is in a group. */
  draw(random: Random): { group: number; sender: number } | null;
  /** The agent's users in a group, ascending; the same array each time. Throws RangeError for a group that there is not. */
  localMembers(group: number): readonly number[];
  /** Users of the agent × groups each is in: the weight of this agent's share of the group messages. */
  readonly memberships: number;
}

/** For an agent's users first … end − 1. Goes once through the members of all groups. */
export function createGroupSenders(groups: GroupPopulation, range: { first: number; end: number }): GroupSenders {
  const local: Array<readonly number[]> = new Array(groups.count);
  // Memberships are numbered through, group by group; group g has those from starts[g] up to starts[g + 1].
  const starts = new Float64Array(groups.count + 1);
  for (let group = 0; group < groups.count; group++) {
    const members = groups.members(group);
    local[group] = members.slice(firstFrom(members, range.first), firstFrom(members, range.end));
    starts[group + 1] = starts[group]! + local[group]!.length;
  }
  const memberships = starts[groups.count]!;

  return {
    memberships,
    draw(random) {
      if (memberships === 0) return null;
      const membership = random.integer(memberships);
      const group = lastUpTo(starts, membership);
      return { group, sender: local[group]![membership - starts[group]!]! };
    },
    localMembers(group) {
      const members = local[group];
      if (!members) throw new RangeError(`there is no group ${group} of ${groups.count}`);
      return members;
    },
  };
}

/** The first index with a value of at least x. */
function firstFrom(ascending: readonly number[], x: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! >= x) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The last index with a value of at most x; the first value is 0. Groups without memberships start where the next one does. */
function lastUpTo(ascending: Float64Array, x: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (ascending[middle]! <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}
