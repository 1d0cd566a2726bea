/** How the calls of a run are divided over the places that are called, and over connections to each. Pure. */

/** A place that is called: the router, or a server process with its users. */
export interface Place {
  /** `http://host:port` */
  origin: string;
  /** Its share of the calls: any number of 0 or more, only proportions count. */
  weight: number;
}

export interface ConnectionShare {
  /** Index of its place. */
  place: number;
  /** Calls/s, whole, 1 or more. */
  rate: number;
}

/**
 * Whole numbers that sum to `total`, each within one of its exact proportion (largest remainder; the first of equals wins).
 * Without any weight above 0 all are 0.
 */
export function apportion(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  if (sum <= 0) return weights.map(() => 0);
  const exact = weights.map((weight) => (total * weight) / sum);
  const shares = exact.map(Math.floor);
  const byRemainder = exact
    .map((value, index) => ({ index, remainder: value - Math.floor(value) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  const missing = total - shares.reduce((a, b) => a + b, 0);
  for (const { index } of byRemainder.slice(0, missing)) shares[index]!++;
  return shares;
}

/**
 * The connections to open, in the order of their places: about `connections` in all, each place that is called has one, and
 * none makes less than one call a second. Their rates sum to `rate`.
 */
export function divideCalls(rate: number, connections: number, places: readonly Place[]): ConnectionShare[] {
  const rates = apportion(
    rate,
    places.map(({ weight }) => weight),
  );
  return apportion(connections, rates).flatMap((count, place) => {
    const calls = rates[place]!;
    const lines = Math.min(Math.max(count, 1), calls);
    return apportion(calls, new Array<number>(lines).fill(1)).map((each) => ({ place, rate: each }));
  });
}
