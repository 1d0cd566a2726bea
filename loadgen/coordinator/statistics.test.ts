import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { slopeOf } from './statistics.ts';

describe('slopeOf', () => {
  const seconds = Array.from({ length: 40 }, (_, i) => i);

  it('finds an exact line exactly', () => {
    const slope = slopeOf(
      seconds,
      seconds.map((x) => 7 + 3 * x),
    )!;
    expect(slope.perSecond).toBeCloseTo(3, 10);
    expect(slope.upper95 - slope.lower95).toBeCloseTo(0, 6);
  });

  it('covers the true slope of noisy lines about 95 times in 100', () => {
    const random = createRandom(7);
    let covered = 0;
    for (let run = 0; run < 1_000; run++) {
      const slope = slopeOf(
        seconds,
        seconds.map((x) => 2 * x + 5 * random.normal()),
      )!;
      if (slope.lower95 <= 2 && 2 <= slope.upper95) covered++;
    }
    expect(covered).toBeGreaterThan(915);
    expect(covered).toBeLessThan(975);
  });

  it('says nothing for too few points', () => {
    expect(slopeOf([1, 2, 3, 4], [1, 2, 3, 4])).toBeNull();
    expect(slopeOf([1, 1, 1, 1, 1], [1, 2, 3, 4, 5])).toBeNull();
  });
});
