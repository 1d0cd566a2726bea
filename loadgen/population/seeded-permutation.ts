/**
 * A permutation of 0 … size − 1 for every key, computed position by position: nothing is stored, however many there are. A Feistel
 * network over the next power of two, walked until it falls below `size` (cycle walking: Black and Rogaway 2002), on average in
 * fewer than two steps.
 */

/** Where `position` (0 … size − 1) goes. The key is a whole number, of which 32 bits count; size is from 1 to 2^31. */
export function permuted(position: number, size: number, key: number): number {
  const bits = 32 - Math.clz32(size - 1);
  const lowBits = bits >> 1;
  const lowMask = (1 << lowBits) - 1;
  const highMask = (1 << (bits - lowBits)) - 1;
  let value = position;
  do {
    let high = value >>> lowBits;
    let low = value & lowMask;
    for (let round = 0; round < 6; round += 2) {
      high ^= mixed(low, key + round) & highMask;
      low ^= mixed(high, key + round + 1) & lowMask;
    }
    value = (high << lowBits) | low;
  } while (value >= size);
  return value;
}

/** The finalizer of MurmurHash3 over a value and a salt: 32 bits, a bijection of the value for each salt. */
export function mixed(value: number, salt: number): number {
  let h = (value + Math.imul(salt, 0x9e3779b9)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
