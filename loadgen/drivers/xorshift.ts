/** Marsaglia's 32-bit xorshift: masking keys have to differ, not to be secret. `seed` is not 0. */
export function xorshift32(seed: number): () => number {
  let x = seed | 0;
  return () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return x;
  };
}
