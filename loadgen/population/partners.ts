/**
 * Who talks to whom. Users are numbered 0 … N − 1 and agents hold contiguous ranges, so a partner half the population away is
 * never in the same agent (two agents or more), and a hash of the name spreads both ends over the server's shards.
 *
 * Pairs are the default. For even N users i and i + N/2 are partners of each other. For odd N the last user joins the pair of user 0 as a ring of
 * three, 0 → (N − 1)/2 → N − 1 → 0; in two agents, one of these three conversations then stays inside an agent. Either way
 * everyone sends to exactly one user, receives from exactly one, and nobody writes to themselves.
 *
 * With uniform partners everybody writes to everybody; with Zipf's, people have contacts whom they write to more and less often, as
 * people do. Contacts are spread over the whole population, so with A agents (A − 1) ÷ A of them are in another one.
 */
import { createRandom, type Random } from '../random.ts';
import { mixed, permuted } from './seeded-permutation.ts';

/**
 * - `pairs`: everyone has one partner, `partnerOf`.
 * - `uniform`: any other user, equally often.
 * - `zipf`: everyone has `contacts` (1 or more; all others if there are fewer) and writes to the one of rank r with weight
 *   1 ÷ r^exponent (0 or more; 1 is Zipf's law). Contacts need not be mutual.
 */
export type PartnerSpec =
  | { kind: 'pairs' }
  | { kind: 'uniform' }
  | { kind: 'zipf'; exponent: number; contacts: number };

/** The name of a user at the server. */
export function userName(index: number): string {
  return `u${index}`;
}

/** The user to whom user `index` of `users` writes. Throws RangeError for fewer than two users: there is nobody to write to. */
export function partnerOf(index: number, users: number): number {
  check(index, users);
  const half = Math.floor(users / 2);
  if (users % 2 === 1) {
    if (index === users - 1) return 0;
    if (index === half) return users - 1;
  }
  return (index + half) % (2 * half);
}

/** The user who writes to user `index`: the inverse of `partnerOf`. */
export function writerTo(index: number, users: number): number {
  check(index, users);
  const half = Math.floor(users / 2);
  if (users % 2 === 1) {
    if (index === users - 1) return half;
    if (index === 0) return users - 1;
  }
  return (index + half) % (2 * half);
}

/**
 * Draws whom user `index` (0 … users − 1, not checked) writes to now: never himself. Who the contacts are depends on the seed alone,
 * which of them it is now on `random`. Nothing is allocated per draw or stored per user. Throws RangeError for fewer than two
 * users and for a wrong exponent or number of contacts.
 */
export function createPartners(
  spec: PartnerSpec,
  users: number,
  seed: number,
): (index: number, random: Random) => number {
  check(0, users);
  if (spec.kind === 'pairs') return (index) => partnerOf(index, users);
  if (spec.kind === 'uniform') {
    return (index, random) => {
      const other = random.integer(users - 1);
      return other < index ? other : other + 1;
    };
  }
  const upTo = rankProbabilities(spec, users);
  const key = contactsKey(seed);
  return (index, random) => contact(index, firstAbove(upTo, random.uniform()), users, key);
}

/**
 * The contacts of a user by rank, at most `most`, distinct and never himself, e.g. for presence subscriptions. Pairs: the partner.
 * Uniform: a seeded sample of the others. Throws RangeError as `createPartners`.
 */
export function contactsOf(spec: PartnerSpec, index: number, users: number, seed: number, most: number): number[] {
  check(index, users);
  if (spec.kind === 'pairs') return most >= 1 ? [partnerOf(index, users)] : [];
  const count = spec.kind === 'zipf' ? contactCount(spec, users) : users - 1;
  const key = contactsKey(seed);
  return Array.from({ length: Math.max(0, Math.min(count, most)) }, (_, rank) => contact(index, rank, users, key));
}

/** The contact of a rank (from 0): a permutation of the distances 1 … users − 1, another one for each user. */
function contact(index: number, rank: number, users: number, key: number): number {
  return (index + 1 + permuted(rank, users - 1, mixed(index, key))) % users;
}

function contactsKey(seed: number): number {
  return createRandom(seed)
    .fork('contacts')
    .integer(2 ** 32);
}

function contactCount({ contacts }: { contacts: number }, users: number): number {
  if (!Number.isSafeInteger(contacts) || contacts < 1)
    throw new RangeError(`contacts must be a whole number of 1 or more, not ${contacts}`);
  return Math.min(contacts, users - 1);
}

/** Cumulative: the probability of rank 0 … r. */
function rankProbabilities(spec: { exponent: number; contacts: number }, users: number): Float64Array {
  const { exponent } = spec;
  if (!(exponent >= 0 && Number.isFinite(exponent)))
    throw new RangeError(`the exponent of the partners must be 0 or more, not ${exponent}`);
  const upTo = new Float64Array(contactCount(spec, users));
  let sum = 0;
  for (let rank = 0; rank < upTo.length; rank++) {
    sum += (rank + 1) ** -exponent;
    upTo[rank] = sum;
  }
  return upTo.map((value) => value / sum);
}

/** The first index with a value above x; the last one is 1, and x below 1. */
function firstAbove(ascending: Float64Array, x: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! > x) high = middle;
    else low = middle + 1;
  }
  return low;
}

function check(index: number, users: number): void {
  if (!Number.isSafeInteger(users) || users < 2)
    throw new RangeError(`a conversation needs at least 2 users, not ${users}`);
  if (users > 2 ** 31) throw new RangeError(`at most ${2 ** 31} users can be told apart, not ${users}`);
  if (!Number.isSafeInteger(index) || index < 0 || index >= users)
    throw new RangeError(`there is no user ${index} of ${users}`);
}
