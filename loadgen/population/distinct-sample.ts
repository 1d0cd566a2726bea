/** Uniform samples of distinct users. */
import type { Random } from '../random.ts';

/**
 * `one` and `count` others of 0 … users − 1, ascending; every set of others is equally likely. `count` is at most users − 1. O(count)
 * numbers are drawn, and as many sorted.
 *
 * The first k distinct values of a uniform sequence are a uniform sample; they are drawn in rounds of as many as are still missing,
 * which never overshoots. Above half of the users it is those left out who are drawn.
 */
export function sampleOthers(one: number, count: number, users: number, random: Random): number[] {
  // Others are drawn by number, without the one: 0 … users − 2, of which those from `one` on are one higher.
  const others = users - 1;
  if (count <= others / 2) {
    const drawn = distinctAscending(count, others, random);
    const sample = new Array<number>(count + 1);
    let length = 0;
    let placed = false;
    for (const other of drawn) {
      if (!placed && other >= one) {
        sample[length++] = one;
        placed = true;
      }
      sample[length++] = placed ? other + 1 : other;
    }
    if (!placed) sample[length] = one;
    return sample;
  }
  const leftOut = distinctAscending(others - count, others, random);
  const sample = new Array<number>(count + 1);
  let length = 0;
  let next = 0;
  for (let user = 0; user < users; user++) {
    const out = next < leftOut.length ? leftOut[next]! : users;
    if (user !== one && (user > one ? user - 1 : user) === out) next += 1;
    else sample[length++] = user;
  }
  return sample;
}

/** `count` distinct numbers below `bound`, ascending; count is at most half of it, so that rounds get short quickly. */
function distinctAscending(count: number, bound: number, random: Random): Uint32Array {
  const drawn = new Uint32Array(count);
  let distinct = 0;
  while (distinct < count) {
    for (let i = distinct; i < count; i++) drawn[i] = Math.floor(random.uniform() * bound);
    drawn.sort();
    distinct = 0;
    for (let i = 0; i < count; i++) {
      if (i === 0 || drawn[i] !== drawn[distinct - 1]) drawn[distinct++] = drawn[i]!;
    }
  }
  return drawn;
}
