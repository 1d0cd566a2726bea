import { describe, expect, it } from 'vitest';
import { createRandom } from '../../loadgen/random.ts';
import { blockLength, dependence, drawBlocks, roomForBlocks, runningSums, sumOverBlocks } from './block-bootstrap.ts';

function autoregression(n: number, memory: number, seed: number): number[] {
  const random = createRandom(seed);
  let level = 0;
  return Array.from({ length: n }, () => {
    level = memory * level + random.normal();
    return level;
  });
}

/** The level's variance is that of the noise on top. */
function levelWithNoise(n: number, memory: number, seed: number): number[] {
  const random = createRandom(seed + 1_000);
  const deviation = 1 / Math.sqrt(1 - memory ** 2);
  return autoregression(n, memory, seed).map((level) => level + deviation * random.normal());
}

const meanOver = (seeds: number, of: (seed: number) => number): number =>
  Array.from({ length: seeds }, (_, seed) => of(seed)).reduce((sum, each) => sum + each, 0) / seeds;

describe('blocks of a resample', () => {
  it('hold as many seconds as there are, each as likely as any other, in runs of the mean length asked for', () => {
    const blocks = roomForBlocks(50);
    const times = new Float64Array(50);
    const random = createRandom(3);
    let drawn = 0;
    for (let i = 0; i < 4_000; i++) {
      drawBlocks(blocks, 50, 4, random);
      drawn += blocks.length;
      let seconds = 0;
      for (let j = 0; j < blocks.length; j++) {
        seconds += blocks.to[j]! - blocks.from[j]!;
        for (let at = blocks.from[j]!; at < blocks.to[j]!; at++) times[at % 50]! += 1;
      }
      expect(seconds).toBe(50);
    }
    // The last block is cut: a little shorter than 4 in the mean.
    expect((50 * 4_000) / drawn).toBeGreaterThan(3.6);
    expect((50 * 4_000) / drawn).toBeLessThan(4.05);
    expect(Math.min(...times) / 4_000).toBeGreaterThan(0.93);
    expect(Math.max(...times) / 4_000).toBeLessThan(1.07);
  });

  it('go round at the end', () => {
    const sums = runningSums([1, 10, 100, 1000]);
    expect(sumOverBlocks(sums, { length: 2, from: Uint32Array.of(3, 1), to: Uint32Array.of(6, 2) })).toBe(
      1000 + 1 + 10 + 10,
    );
  });

  it('are of single seconds where the mean length is 1', () => {
    const blocks = roomForBlocks(5);
    drawBlocks(blocks, 5, 1, createRandom(1));
    expect(blocks.length).toBe(5);
  });
});

describe('the length of blocks', () => {
  it('grows with the memory of a series, and stays within its bounds', () => {
    const lengths = [0, 0.7, 0.9].map((memory) =>
      meanOver(20, (seed) => blockLength(autoregression(600, memory, seed))),
    );
    expect(lengths[0]).toBeLessThan(10);
    expect(lengths[1]).toBeGreaterThan(lengths[0]! + 2);
    // Politis & White's optimum of 600 seconds with r = 0.9 is (2·(2r ÷ (1 − r²))²/2)^(1/3) · 600^(1/3), about 38.
    expect(lengths[2]).toBeGreaterThan(20);
    expect(lengths[2]).toBeLessThan(60);
    expect(blockLength(autoregression(60, 0.99, 1))).toBeLessThanOrEqual(10);
    expect(blockLength([1, 2, 3])).toBe(1);
    expect(blockLength(new Float64Array(100))).toBeCloseTo(100 ** (1 / 3));
  });

  it('what it misses is known to first order', () => {
    expect(meanOver(20, (seed) => dependence(autoregression(2_000, 0, seed), 7).missed)).toBeLessThan(1.06);
    const strong = meanOver(20, (seed) => dependence(autoregression(2_000, 0.8, seed), 4).missed);
    // (1.8 ÷ 0.2) ÷ (1.6 ÷ 0.4) = 2.25.
    expect(strong).toBeGreaterThan(2);
    expect(strong).toBeLessThan(2.5);
    const noisy = meanOver(20, (seed) => dependence(levelWithNoise(2_000, 0.8, seed), 4).missed);
    // Half of the variance is the level's: (1 + 0.8 ÷ 0.2) ÷ (1 + 0.6 ÷ 0.4) = 2.
    expect(noisy).toBeGreaterThan(1.75);
    expect(noisy).toBeLessThan(2.25);
    const trend = Array.from({ length: 12 }, (_, second) => second);
    expect(dependence(trend, 2).pieces).toBe(3);
    expect(dependence(new Float64Array(60), 3)).toEqual({ missed: 1, pieces: 20 });
  });
});
