import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { devicesBefore, devicesOf, userOfConnection } from './devices.ts';

const mean = fc.integer({ min: 1_000_000, max: 20_000_000 }).map((millionths) => millionths / 1e6);
const index = fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 0, max: 500e6 }));

describe('devices', () => {
  it.each([
    [1, [1, 1, 1, 1], 1000],
    [1.3, [1, 1, 1, 2], 1300],
    [1.5, [1, 2, 1, 2], 1500],
    [2, [2, 2, 2, 2], 2000],
    [1.15, [1, 1, 1, 1], 1150],
  ])('%d a user: the first have %j, and 1,000 have %d', (d, first, total) => {
    expect([0, 1, 2, 3].map((i) => devicesOf(i, d))).toEqual(first);
    expect(devicesBefore(1000, d)).toBe(total);
  });

  it('are ⌊d⌋ or ⌈d⌉ for everyone, and right to one for any range', () => {
    fc.assert(
      fc.property(mean, index, fc.integer({ min: 0, max: 5000 }), (d, first, users) => {
        const devices = devicesOf(first, d);
        expect(devices === Math.floor(d) || devices === Math.ceil(d)).toBe(true);
        expect(Math.abs(devicesBefore(first + users, d) - devicesBefore(first, d) - users * d)).toBeLessThan(1.001);
        expect(Math.abs(devicesBefore(users, d) - users * d)).toBeLessThan(1);
      }),
    );
  });

  it('number connections without gaps', () => {
    fc.assert(
      fc.property(mean, index, (d, connection) => {
        const { user, device } = userOfConnection(connection, d);
        expect(devicesBefore(user, d) + device).toBe(connection);
        expect(device).toBeGreaterThanOrEqual(0);
        expect(device).toBeLessThan(devicesOf(user, d));
      }),
    );
    expect([0, 1, 2, 3, 4, 5].map((c) => userOfConnection(c, 1.5))).toEqual([
      { user: 0, device: 0 },
      { user: 1, device: 0 },
      { user: 1, device: 1 },
      { user: 2, device: 0 },
      { user: 3, device: 0 },
      { user: 3, device: 1 },
    ]);
  });

  it.each([0.9, 0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1001])('refuse a mean of %d', (d) => {
    expect(() => devicesBefore(1, d)).toThrow(`devices per user must be a number from 1 to 1,000, not ${d}`);
    expect(() => userOfConnection(1, d)).toThrow(RangeError);
  });
});
