import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HOURLY_CURVE, populationRates } from './rates.ts';

const WHOLE = { dau: 500e6, messagesPerUserPerDay: 40, messageBytes: 100 };

describe('population rates', () => {
  it('are those of the plan: 500M × 40 a day is 231,481/s, 23.1 MB/s and 500M connections', () => {
    const { whole } = populationRates(WHOLE);
    expect(whole.connections).toBe(500e6);
    expect(whole.mean.messagesPerSecond).toBeCloseTo(231_481.48, 2);
    expect(whole.mean.bytesPerSecond).toBeCloseTo(23_148_148, 0);
    expect(whole.mean.bytesPerSecond * 86_400).toBeCloseTo(2e12, 0);
  });

  it('give a node of 10,000 its 50,000 connections, 23.1/s and 41.7/s at the peak, and say how', () => {
    const { slice, derivation } = populationRates({ ...WHOLE, nodes: 10_000 });
    expect(slice.connections).toBe(50_000);
    expect(slice.mean.messagesPerSecond).toBeCloseTo(23.148, 3);
    expect(slice.peak.messagesPerSecond).toBeCloseTo(41.667, 3);
    expect(derivation).toEqual([
      '500,000,000 users, all online at once = 500,000,000 connections',
      '÷ 10,000 nodes = 50,000 connections a node',
      '500,000,000 DAU × 40 messages ÷ 86,400 s = 231,481 messages/s for all',
      '÷ 10,000 nodes = 23.1/s a node',
      '× 1.8 at the hourly peak (21–22 h) = 41.7/s a node',
      '× 100 bytes = 2.31 kB/s in the mean, 4.17 kB/s at the peak a node',
    ]);
  });

  it('give three of the nodes three times as much', () => {
    const { slice, derivation } = populationRates({ ...WHOLE, nodes: 10_000, sliceNodes: 3 });
    expect(slice.connections).toBe(150_000);
    expect(slice.mean.messagesPerSecond).toBeCloseTo(69.444, 3);
    expect(derivation.slice(1)).toEqual([
      '× 3 of 10,000 nodes = 150,000 connections on 3 nodes',
      '500,000,000 DAU × 40 messages ÷ 86,400 s = 231,481 messages/s for all',
      '× 3 of 10,000 nodes = 69.4/s on 3 nodes',
      '× 1.8 at the hourly peak (21–22 h) = 125/s on 3 nodes',
      '× 100 bytes = 6.94 kB/s in the mean, 12.5 kB/s at the peak on 3 nodes',
    ]);
    expect(populationRates({ ...WHOLE, nodes: 3, sliceNodes: 3 }).derivation).toEqual(
      populationRates(WHOLE).derivation,
    );
    for (const sliceNodes of [0, 4, 1.5])
      expect(() => populationRates({ ...WHOLE, nodes: 3, sliceNodes })).toThrow(
        `a slice has 1 to 3 nodes of 3, not ${sliceNodes}`,
      );
  });

  it('slices add up to the whole', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 1000 }), fc.nat(), (nodes, some) => {
        const sliceNodes = 1 + (some % (nodes - 1));
        const one = populationRates({ ...WHOLE, nodes, sliceNodes }).slice.mean.messagesPerSecond;
        const rest = populationRates({ ...WHOLE, nodes, sliceNodes: nodes - sliceNodes }).slice.mean.messagesPerSecond;
        expect(one + rest).toBeCloseTo(231_481.48, 1);
      }),
    );
  });

  it('count everyone’s messages, and only those online as connections', () => {
    const { whole, slice } = populationRates({ ...WHOLE, shareOnline: 0.1, nodes: 10_000 });
    expect(whole.connections).toBe(50e6);
    expect(slice.connections).toBe(5000);
    expect(slice.mean.messagesPerSecond).toBeCloseTo(23.148, 3);
  });

  it('scale a slice with its connections', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500e6 }), (connections) => {
        const { slice, whole } = populationRates({ ...WHOLE, connections });
        expect(slice.connections).toBe(connections);
        expect(slice.mean.messagesPerSecond / whole.mean.messagesPerSecond).toBeCloseTo(connections / 500e6, 9);
      }),
    );
    expect(populationRates({ ...WHOLE, connections: 10_000 }).derivation).toContain(
      '× 10,000 of 500,000,000 connections = 4.6/s for the slice',
    );
  });

  it('take only the proportions of a curve', () => {
    const curve = Array.from({ length: 24 }, (_, hour) => (hour === 7 ? 500 : 100));
    const rates = populationRates({ ...WHOLE, hourlyCurve: curve });
    expect(rates.peakHour).toBe(7);
    expect(rates.peakFactor).toBeCloseTo(500 / (2800 / 24), 9);
    expect(() => populationRates({ ...WHOLE, hourlyCurve: [1, 2] })).toThrow('24 numbers');
  });
});

it('the built-in curve has 24 hours, mean 1 and peak 1.8', () => {
  expect(HOURLY_CURVE).toHaveLength(24);
  expect(HOURLY_CURVE.reduce((a, b) => a + b, 0)).toBeCloseTo(24, 9);
  expect(Math.max(...HOURLY_CURVE)).toBe(1.8);
});
