import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import { createPayloadSizes, meanPayloadBytes, type PayloadSpec } from './payload-sizes.ts';

const size = fc.double({ min: 0.1, max: 200_000, noNaN: true });
const spec: fc.Arbitrary<PayloadSpec> = fc.oneof(
  fc.record({ kind: fc.constant('constant' as const), bytes: size }),
  fc.record({
    kind: fc.constant('lognormal' as const),
    medianBytes: size,
    sigma: fc.double({ min: 0, max: 3, noNaN: true }),
    maxBytes: size,
  }),
  fc.record({ kind: fc.constant('samples' as const), bytes: fc.array(size, { minLength: 1, maxLength: 50 }) }),
);

function draws(payload: PayloadSpec, count: number, seed = 1): number[] {
  const next = createPayloadSizes(payload, createRandom(seed));
  return Array.from({ length: count }, next);
}

describe('payload sizes', () => {
  it.each<[string, PayloadSpec, number]>([
    ['as asked for', { kind: 'constant', bytes: 100 }, 100],
    ['no fewer than the 36 bytes of the header', { kind: 'constant', bytes: 1 }, 36],
    ['no more than 65,536', { kind: 'constant', bytes: 1e6 }, 65_536],
    ['whole', { kind: 'constant', bytes: 99.5 }, 100],
    ['the median where nothing varies', { kind: 'lognormal', medianBytes: 80, sigma: 0, maxBytes: 1000 }, 80],
    ['cut to the most', { kind: 'lognormal', medianBytes: 5000, sigma: 0.1, maxBytes: 200 }, 200],
    ['the only sample', { kind: 'samples', bytes: [77] }, 77],
  ])('are %s', (_, payload, bytes) => {
    expect(new Set(draws(payload, 50))).toEqual(new Set([bytes]));
    expect(meanPayloadBytes(payload)).toBe(bytes);
  });

  it('are whole and within bounds, the same for the same seed', () => {
    fc.assert(
      fc.property(spec, fc.integer(), (payload, seed) => {
        const sizes = draws(payload, 50, seed);
        const most = payload.kind === 'lognormal' ? Math.max(36, payload.maxBytes + 0.5) : 65_536;
        expect(sizes.every((n) => Number.isInteger(n) && n >= 36 && n <= Math.min(65_536, most))).toBe(true);
        expect(draws(payload, 50, seed)).toEqual(sizes);
      }),
    );
  });

  it('lognormal: half below the median, and two thirds within a factor of e^sigma', () => {
    const sizes = draws({ kind: 'lognormal', medianBytes: 1000, sigma: 0.5, maxBytes: 65_536 }, 20_000);
    expect(sizes.filter((n) => n < 1000).length / 20_000).toBeCloseTo(0.5, 1);
    expect(sizes.filter((n) => Math.abs(Math.log(n / 1000)) < 0.5).length / 20_000).toBeCloseTo(0.683, 1);
  });

  it('samples: each equally often', () => {
    const sizes = draws({ kind: 'samples', bytes: [40, 50, 50, 90] }, 20_000);
    const share = (bytes: number) => sizes.filter((n) => n === bytes).length / 20_000;
    expect(Math.abs(share(40) - 0.25)).toBeLessThan(0.015);
    expect(Math.abs(share(50) - 0.5)).toBeLessThan(0.015);
    expect(Math.abs(share(90) - 0.25)).toBeLessThan(0.015);
  });
});

describe('the mean payload', () => {
  it.each<[string, PayloadSpec]>([
    ['lognormal, hardly cut', { kind: 'lognormal', medianBytes: 300, sigma: 0.5, maxBytes: 65_536 }],
    ['lognormal, a third raised to 36', { kind: 'lognormal', medianBytes: 50, sigma: 0.8, maxBytes: 4000 }],
    ['lognormal, nearly all raised', { kind: 'lognormal', medianBytes: 10, sigma: 1, maxBytes: 4000 }],
    ['lognormal, half cut', { kind: 'lognormal', medianBytes: 500, sigma: 1, maxBytes: 500 }],
    ['lognormal, wide', { kind: 'lognormal', medianBytes: 100, sigma: 2, maxBytes: 65_536 }],
    ['samples', { kind: 'samples', bytes: [10, 40, 200, 100_000, 77.4] }],
  ])('is that of the draws: %s', (_, payload) => {
    const count = 40_000;
    const sizes = draws(payload, count, 3);
    const mean = sizes.reduce((a, b) => a + b, 0) / count;
    const deviation = Math.sqrt(sizes.reduce((sum, n) => sum + (n - mean) ** 2, 0) / count);
    expect(Math.abs(meanPayloadBytes(payload) - mean)).toBeLessThan((4 * deviation) / Math.sqrt(count));
  });

  it('without cutting is median × e^(sigma² ÷ 2)', () => {
    const mean = meanPayloadBytes({ kind: 'lognormal', medianBytes: 1000, sigma: 0.4, maxBytes: 65_536 });
    expect(mean).toBeCloseTo(1000 * Math.exp(0.08), 2);
  });

  it('lies within the bounds and grows with the median', () => {
    fc.assert(
      fc.property(spec, (payload) => {
        const mean = meanPayloadBytes(payload);
        expect(mean).toBeGreaterThanOrEqual(36);
        expect(mean).toBeLessThanOrEqual(65_536);
        if (payload.kind !== 'lognormal') return;
        const larger = meanPayloadBytes({ ...payload, medianBytes: payload.medianBytes * 2 });
        expect(larger).toBeGreaterThanOrEqual(mean - 1e-6);
      }),
      { numRuns: 50 },
    );
  });
});

it.each<[string, PayloadSpec, string]>([
  ['no bytes', { kind: 'constant', bytes: 0 }, 'a payload must have a number of bytes above 0, not 0'],
  ['NaN', { kind: 'constant', bytes: Number.NaN }, 'not NaN'],
  ['a negative sample', { kind: 'samples', bytes: [5, -5] }, 'not -5'],
  ['no samples', { kind: 'samples', bytes: [] }, 'there are no samples of payload sizes'],
  ['an infinite most', { kind: 'lognormal', medianBytes: 9, sigma: 1, maxBytes: Number.POSITIVE_INFINITY }, 'Infinity'],
  ['a negative sigma', { kind: 'lognormal', medianBytes: 9, sigma: -1, maxBytes: 99 }, 'from 0 to 10, not -1'],
])('refuses %s', (_, payload, message) => {
  expect(() => createPayloadSizes(payload, createRandom(1))).toThrow(message);
  expect(() => meanPayloadBytes(payload)).toThrow(message);
});
