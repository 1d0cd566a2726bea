import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ReconnectAdvice } from '../drivers/target-driver.ts';
import { PROTOCOL_BACKOFF, reconnectBoundMs, reconnectPauseMs } from './backoff.ts';

test.each<[ReconnectAdvice, number[]]>([
  ['resume', [1_000, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]],
  ['later', [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]],
  ['elsewhere', [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]],
])('the bounds after %s are those of PROTOCOL.md', (advice, bounds) => {
  expect(bounds.map((_, failures) => reconnectBoundMs(advice, failures))).toEqual(bounds);
});

const advices = fc.constantFrom<ReconnectAdvice>('resume', 'later', 'elsewhere');
const options = fc.record({
  firstMs: fc.integer({ min: 1, max: 10_000 }),
  mostMs: fc.integer({ min: 10_000, max: 600_000 }),
});

test('a pause is the given share of the bound, never above the most, however often it fails', () => {
  fc.assert(
    fc.property(
      advices,
      fc.nat({ max: 5_000 }),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      options,
      (...all) => {
        const [advice, failures, uniform, limits] = all;
        const pause = reconnectPauseMs(advice, failures, uniform, limits);
        expect(pause).toBe(uniform * reconnectBoundMs(advice, failures, limits));
        expect(pause).toBeLessThan(limits.mostMs);
        expect(reconnectBoundMs(advice, failures + 1, limits)).toBeGreaterThanOrEqual(
          reconnectBoundMs(advice, failures, limits),
        );
      },
    ),
  );
});

test('many who lost their server together come back spread over the whole second', () => {
  const clients = 10_000;
  const tenths = new Array<number>(10).fill(0);
  for (let i = 0; i < clients; i++) {
    // Equidistant instead of random: what randomness would give on average.
    const pause = reconnectPauseMs('resume', 0, i / clients);
    tenths[Math.floor(pause / (PROTOCOL_BACKOFF.firstMs / 10))]!++;
  }
  for (const count of tenths) expect(Math.abs(count - clients / 10)).toBeLessThanOrEqual(1);
});
