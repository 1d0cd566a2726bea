import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom, type Random } from './random.ts';

const SAMPLES = 50_000;

function draw(random: Random, count = 8): number[] {
  return Array.from({ length: count }, () => random.uniform());
}

function moments(values: number[]): { mean: number; deviation: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) };
}

describe('streams', () => {
  it('repeat by seed and differ between seeds', () => {
    const seeds = [0, 1, 2, -1, 0.5, 2 ** 40, 2 ** 40 + 1, 1e300];
    for (const seed of seeds) expect(draw(createRandom(seed))).toEqual(draw(createRandom(seed)));
    expect(new Set(seeds.map((seed) => draw(createRandom(seed))[0])).size).toBe(seeds.length);
  });

  it('fork by label, whatever was drawn before', () => {
    const random = createRandom(7);
    const before = draw(random.fork('users'));
    draw(random, 100);
    expect(draw(random.fork('users'))).toEqual(before);
    const labels = ['users', 'times', 'user', '', 0, 1, '0', 'a', 'b'];
    expect(new Set(labels.map((label) => random.fork(label).uniform())).size).toBe(labels.length);
    expect(random.fork('a').fork('b').uniform()).not.toBe(random.fork('b').fork('a').uniform());
  });

  it('are uncorrelated between a stream and its forks', () => {
    const random = createRandom(3);
    const [a, b] = [random.fork(1), random.fork(2)];
    let product = 0;
    for (let i = 0; i < SAMPLES; i++) product += (a.uniform() - 0.5) * (b.uniform() - 0.5);
    // The standard error is 1/12 ÷ √n.
    expect(Math.abs(product / SAMPLES)).toBeLessThan(4 / 12 / Math.sqrt(SAMPLES));
  });

  it('refuse a seed that is not a number', () => {
    expect(() => createRandom(Number.NaN)).toThrow('a seed must be a finite number, not NaN');
  });
});

describe('distributions', () => {
  const sample = (next: (random: Random) => number) => {
    const random = createRandom(42);
    return Array.from({ length: SAMPLES }, () => next(random));
  };

  it('uniform fills [0, 1) evenly', () => {
    const cells = new Array<number>(20).fill(0);
    for (const x of sample((r) => r.uniform())) cells[Math.floor(x * 20)]! += 1;
    const expected = SAMPLES / 20;
    const chiSquare = cells.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    expect(chiSquare).toBeLessThan(43.8); // 99.9% of χ² with 19 degrees of freedom
  });

  it('integers stay below their bound and reach every value', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 2 ** 50 }), (seed, bound) => {
        const value = createRandom(seed).integer(bound);
        expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
      }),
    );
    expect(new Set(sample((r) => r.integer(7))).size).toBe(7);
    expect(() => createRandom(1).integer(0)).toThrow(RangeError);
  });

  it('exponential, normal and lognormal have their mean and deviation', () => {
    const exponential = moments(sample((r) => r.exponential(5)));
    expect(exponential.mean).toBeCloseTo(5, 0);
    expect(exponential.deviation).toBeCloseTo(5, 0);
    const normal = moments(sample((r) => r.normal()));
    expect(Math.abs(normal.mean)).toBeLessThan(0.02);
    expect(normal.deviation).toBeCloseTo(1, 1);
    expect(moments(sample((r) => r.lognormal(0, 0.5))).mean).toBeCloseTo(Math.exp(0.125), 1);
  });

  it('shuffle gives every order equally often', () => {
    const random = createRandom(9);
    const seen = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = random.shuffle([1, 2, 3]).join('');
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
