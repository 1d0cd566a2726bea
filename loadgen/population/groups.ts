/**
 * Groups of users: how large they are and who is in them, worked out from the seed alone, so that every agent sees the same groups
 * without being told. Members are uniform samples of the population: a group is spread over agents and shards as its users are.
 */
import { createRandom, type Random } from '../random.ts';
import { sampleOthers } from './distinct-sample.ts';

/**
 * - `constant`: `members` each.
 * - `lognormal`: half of the groups are below `medianMembers`; ln(size) has deviation `sigma`.
 * - `zipf`: a size of k has probability ∝ 1 ÷ k^exponent, for k = 2 … `maxMembers`; many small ones, few large ones.
 *
 * Sizes are whole and at least 2. Drawn ones are cut to `maxMembers` and to the number of users.
 */
export type GroupSizeSpec =
  | { kind: 'constant'; members: number }
  | { kind: 'lognormal'; medianMembers: number; sigma: number; maxMembers: number }
  | { kind: 'zipf'; exponent: number; maxMembers: number };

/** Groups 0 … count − 1. Every method throws RangeError for another group. */
export interface GroupPopulation {
  readonly count: number;
  size(group: number): number;
  /** Ascending user indexes, distinct. Computed when asked for; the latest are kept, about 1 M members in all. */
  members(group: number): readonly number[];
  /**
   * Its name at the server: another one for other members, so that a run with another seed, on what an earlier one left behind,
   * does not take a group for one of its own.
   */
  nameOf(group: number): string;
  /** Who creates the group: any one of its members (not the lowest), so that owners are spread over agents. Needs no members(). */
  ownerOf(group: number): number;
}

export { createGroupSenders, type GroupSenders } from './group-senders.ts';

/** Members that members() keeps, over all groups: about 8 MB. */
const MEMBERS_KEPT = 1_000_000;

/**
 * Groups over users 0 … users − 1. Group g is the same whatever `count` is. Throws RangeError for fewer than two users, constant sizes
 * above the number of users, and other numbers that cannot be.
 */
export function createGroups(options: {
  count: number;
  sizes: GroupSizeSpec;
  users: number;
  seed: number;
}): GroupPopulation {
  const { count, users } = options;
  check(options);
  const random = createRandom(options.seed).fork('groups');
  const sizes = drawnSizes(options, random.fork('sizes'));
  const tag = random
    .fork(`names ${users} ${JSON.stringify(options.sizes)}`)
    .integer(2 ** 32)
    .toString(36);
  const streamOf = (group: number): Random => {
    if (!Number.isSafeInteger(group) || group < 0 || group >= count)
      throw new RangeError(`there is no group ${group} of ${count}`);
    return random.fork(group);
  };

  const kept = new Map<number, readonly number[]>();
  let membersKept = 0;
  const keep = (group: number, members: readonly number[]): void => {
    kept.set(group, members);
    membersKept += members.length;
    for (const [oldest, { length }] of kept) {
      if (membersKept <= MEMBERS_KEPT || oldest === group) break;
      kept.delete(oldest);
      membersKept -= length;
    }
  };

  return {
    count,
    size(group) {
      const size = sizes[group];
      if (size === undefined) throw new RangeError(`there is no group ${group} of ${count}`);
      return size;
    },
    members(group) {
      const known = kept.get(group);
      if (known) return known;
      const stream = streamOf(group);
      const members = sampleOthers(stream.integer(users), sizes[group]! - 1, users, stream);
      keep(group, members);
      return members;
    },
    nameOf: (group) => `g${group}-${tag}`,
    // The first of the group's draws, in members() too.
    ownerOf: (group) => streamOf(group).integer(users),
  };
}

/** Mean receivers of a group message, when every member of every group sends equally often: Σ size·(size − 1) ÷ Σ size; 0 without groups. */
export function meanFanOut(groups: GroupPopulation): number {
  let members = 0;
  let receivers = 0;
  for (let group = 0; group < groups.count; group++) {
    const size = groups.size(group);
    members += size;
    receivers += size * (size - 1);
  }
  return members === 0 ? 0 : receivers / members;
}

function drawnSizes({ count, sizes, users }: Parameters<typeof createGroups>[0], random: Random): Uint32Array {
  const all = new Uint32Array(count);
  if (sizes.kind === 'constant') return all.fill(sizes.members);
  const most = Math.min(users, sizes.maxMembers);
  if (sizes.kind === 'zipf') {
    const draw = zipfSizes(sizes.exponent, most);
    return all.map(() => draw(random));
  }
  const mu = Math.log(sizes.medianMembers);
  return all.map(() => Math.min(most, Math.max(2, Math.round(random.lognormal(mu, sizes.sigma)))));
}

/** By inversion of the cumulative weights of 2 … most. */
function zipfSizes(exponent: number, most: number): (random: Random) => number {
  const upTo = new Float64Array(most - 1);
  let sum = 0;
  for (let size = 2; size <= most; size++) {
    sum += size ** -exponent;
    upTo[size - 2] = sum;
  }
  return (random) => {
    const wanted = random.uniform() * sum;
    let low = 0;
    let high = upTo.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (upTo[middle]! > wanted) high = middle;
      else low = middle + 1;
    }
    return low + 2;
  };
}

function check({ count, sizes, users }: Parameters<typeof createGroups>[0]): void {
  const whole = (value: number, least: number, most: number, name: string): void => {
    if (!Number.isSafeInteger(value) || value < least || value > most)
      throw new RangeError(
        `${name} must be a whole number from ${least.toLocaleString('en-US')} to ${most.toLocaleString('en-US')}, not ${value}`,
      );
  };
  const between = (value: number, least: number, most: number, name: string): void => {
    if (!(value >= least && value <= most))
      throw new RangeError(`${name} must be from ${least} to ${most.toLocaleString('en-US')}, not ${value}`);
  };
  whole(count, 0, 10_000_000, 'the number of groups');
  whole(users, 2, 2 ** 31, 'the users that form groups');
  if (sizes.kind === 'constant') {
    whole(sizes.members, 2, 1_000_000, 'the members of a group');
    if (sizes.members > users)
      throw new RangeError(
        `groups of ${sizes.members} members need at least as many users, not ${users}; lower the members or raise the connections`,
      );
    return;
  }
  whole(sizes.maxMembers, 2, 1_000_000, 'the most members of a group');
  if (sizes.kind === 'zipf') between(sizes.exponent, 0, 10, 'the exponent of group sizes');
  else {
    between(sizes.medianMembers, 1, 1_000_000, 'the median of the members of a group');
    between(sizes.sigma, 0, 10, 'the sigma of group sizes');
  }
}
