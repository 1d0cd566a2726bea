/**
 * Seeded randomness. One seed gives one run: every use has a stream of its own, split off by a label, so that drawing
 * more in one place never changes what another place sees.
 */

export interface Random {
  /** An independent stream. Depends on this stream's seed and the label only, not on what was drawn before. */
  fork(label: string | number): Random;
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform whole number in [0, bound); bound from 1 to 2^53. Throws RangeError. */
  integer(bound: number): number;
  /** Exponential with the given mean (default 1). */
  exponential(mean?: number): number;
  /** Standard normal. */
  normal(): number;
  /** exp(mu + sigma · normal). Its mean is exp(mu + sigma² ÷ 2). */
  lognormal(mu: number, sigma: number): number;
  /** In place, all orders equally likely (Fisher–Yates); returns the same array. */
  shuffle<Item>(items: Item[]): Item[];
}

/** A stream from a seed: any finite number; fractions and large numbers give seeds of their own. */
export function createRandom(seed: number): Random {
  if (!Number.isFinite(seed)) throw new RangeError(`a seed must be a finite number, not ${seed}`);
  const [high, low] = new Uint32Array(new Float64Array([seed]).buffer);
  return stream(hash32(high!, 0x9e3779b9), hash32(low!, 0x85ebca6b));
}

/** A stream is named by 64 bits of state, from which the generator is seeded. */
function stream(nameHigh: number, nameLow: number): Random {
  const nextUint32 = sfc32(nameHigh, nameLow);

  const random: Random = {
    fork(label) {
      const text = typeof label === 'number' ? `#${label}` : label;
      return stream(hashText(text, nameHigh), hashText(text, nameLow ^ 0x5bd1e995));
    },
    uniform() {
      return ((nextUint32() >>> 5) * 67_108_864 + (nextUint32() >>> 6)) / 9_007_199_254_740_992;
    },
    integer(bound) {
      if (!Number.isSafeInteger(bound - 1) || bound < 1)
        throw new RangeError(`a bound must be whole and at least 1, not ${bound}`);
      return Math.floor(random.uniform() * bound);
    },
    exponential(mean = 1) {
      // uniform() is below 1, so the logarithm is finite.
      return -mean * Math.log1p(-random.uniform());
    },
    normal() {
      // Box–Muller, one of the two values: a stream then has no hidden half-used state.
      const radius = Math.sqrt(2 * random.exponential());
      return radius * Math.cos(2 * Math.PI * random.uniform());
    },
    lognormal(mu, sigma) {
      return Math.exp(mu + sigma * random.normal());
    },
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = random.integer(i + 1);
        const item = items[i]!;
        items[i] = items[j]!;
        items[j] = item;
      }
      return items;
    },
  };
  return random;
}

/** Chris Doty-Humphrey's sfc32 (PractRand): 128 bits of state, one of them a counter, so every cycle is at least 2^32. */
function sfc32(high: number, low: number): () => number {
  let a = hash32(high, 1);
  let b = hash32(low, 2);
  let c = hash32(high ^ low, 3);
  let counter = 1;
  const next = (): number => {
    const result = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + result;
    c |= 0;
    return result >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** The finalizer of splitmix32 / MurmurHash3 over a value and a salt. */
function hash32(value: number, salt: number): number {
  let h = (value + Math.imul(salt, 0x9e3779b9)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function hashText(text: string, salt: number): number {
  let h = hash32(salt, text.length + 1);
  for (let i = 0; i < text.length; i++) h = hash32(h ^ text.charCodeAt(i), i + 1);
  return h;
}
