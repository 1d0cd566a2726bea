/**
 * Devices: with d connections per user in the mean, every user has ⌊d⌋ or ⌈d⌉ of them, spread evenly (Bresenham 1965), so that
 * every range of users holds its share to within one. Connections are numbered through, user by user.
 */

/** The connections of users 0 … index − 1 together: ⌊index · mean⌋. The mean counts to six decimals. Throws RangeError below 1. */
export function devicesBefore(index: number, mean: number): number {
  return Math.floor((index * millionths(mean)) / 1e6);
}

/** How many devices a user has: ⌊mean⌋ or ⌈mean⌉. Throws RangeError for a mean below 1. */
export function devicesOf(index: number, mean: number): number {
  return devicesBefore(index + 1, mean) - devicesBefore(index, mean);
}

/** Whose connection this is, and which of his devices (from 0): the inverse of the numbering. Throws RangeError for a mean below 1. */
export function userOfConnection(connection: number, mean: number): { user: number; device: number } {
  // ⌊u·d⌋ ≤ c ⟺ u·d < c + 1, and the user is the last such u.
  const user = Math.ceil(((connection + 1) * 1e6) / millionths(mean)) - 1;
  return { user, device: connection - devicesBefore(user, mean) };
}

/** Whole numbers below 2^53 keep the products exact: 1.15 × 100 is 114.99999999999999 in floating point. */
function millionths(mean: number): number {
  const scaled = Math.round(mean * 1e6);
  if (!(scaled >= 1e6 && scaled <= 1e9))
    throw new RangeError(`devices per user must be a number from 1 to 1,000, not ${mean}`);
  return scaled;
}
