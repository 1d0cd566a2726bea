/**
 * Who talks to whom. Users are numbered 0 … N − 1 and agents hold contiguous ranges, so a partner half the population away is
 * never in the same agent (two agents or more), and a hash of the name spreads both ends over the server's shards.
 *
 * For even N users i and i + N/2 are partners of each other. For odd N the last user joins the pair of user 0 as a ring of
 * three, 0 → (N − 1)/2 → N − 1 → 0; in two agents, one of these three conversations then stays inside an agent. Either way
 * everyone sends to exactly one user, receives from exactly one, and nobody writes to themselves.
 */

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

function check(index: number, users: number): void {
  if (!Number.isSafeInteger(users) || users < 2)
    throw new RangeError(`a conversation needs at least 2 users, not ${users}`);
  if (!Number.isSafeInteger(index) || index < 0 || index >= users)
    throw new RangeError(`there is no user ${index} of ${users}`);
}
