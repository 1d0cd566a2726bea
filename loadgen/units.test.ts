import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  parseBytes,
  parseCount,
  parseDuration,
  parseNumber,
  UnitError,
} from './units.ts';

describe('durations', () => {
  it.each([
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['90s', 90_000],
    ['1.5s', 1500],
    ['2d', 172_800_000],
    ['500us', 0.5],
    ['500µs', 0.5],
    ['1m30s500ms', 90_500],
    [' 10s ', 10_000],
    ['0', 0],
    [0, 0],
  ])('reads %s', (written, expected) => {
    expect(parseDuration(written)).toBeCloseTo(expected, 9);
  });

  it.each(['', 's', '-5s', '1h 30m', '5 s', '10x', '1e3s', 'NaN', '1.s'])('refuses %j', (written) => {
    expect(() => parseDuration(written)).toThrow(UnitError);
  });

  it('asks for the unit of a bare number instead of guessing', () => {
    expect(() => parseDuration('60')).toThrow(
      'the duration "60" has no unit; write 60s for seconds or 60ms for milliseconds',
    );
    expect(() => parseDuration(60)).toThrow('60s');
  });

  it.each([
    [90_000, '1m30s'],
    [250, '250ms'],
    [0.25, '250µs'],
    [1500, '1.5s'],
    [0, '0s'],
    [86_400_000, '1d'],
    [-1500, '-1.5s'],
  ])('writes %d ms as %s', (milliseconds, expected) => {
    expect(formatDuration(milliseconds)).toBe(expected);
  });

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e10 }), (ms) => {
        expect(parseDuration(formatDuration(ms))).toBeCloseTo(ms, 3);
      }),
    );
  });
});

describe('numbers and counts', () => {
  it.each([
    ['50k', 50_000],
    ['500M', 500_000_000],
    ['1.1M', 1_100_000],
    ['2.5B', 2_500_000_000],
    ['5e8', 500_000_000],
    ['5e+8', 500_000_000],
    ['50_000', 50_000],
    [50_000, 50_000],
    [1e21, 1e21],
  ])('reads %s', (written, expected) => {
    expect(parseNumber(written)).toBe(expected);
  });

  it.each(['', 'k', '-1', '5kk', '5 k', '1,000', '_5', 'Infinity', 'NaN', '1e999', '0x10', '5m'])(
    'refuses %j',
    (written) => {
      expect(() => parseNumber(written)).toThrow(`"${written}" is not a number of 0 or more`);
    },
  );

  it('takes fractions for numbers, not for counts', () => {
    expect(parseNumber('41.7')).toBe(41.7);
    expect(() => parseCount('41.7')).toThrow('"41.7" is not a whole number');
    expect(() => parseCount('1e17')).toThrow(UnitError);
    expect(parseCount('1.5k')).toBe(1500);
  });

  it('writes them', () => {
    expect(formatCount(231_481.48)).toBe('231,481');
    expect([231_481.48, 41.667, 4, 0.04629].map(formatNumber)).toEqual(['231,481', '41.7', '4', '0.0463']);
  });
});

describe('bytes', () => {
  it.each([
    ['100', 100],
    [100, 100],
    ['64KB', 64_000],
    ['64 KiB', 65_536],
    ['2TB', 2e12],
    ['1.5MiB', 1_572_864],
  ])('reads %s', (written, expected) => {
    expect(parseBytes(written)).toBe(expected);
  });

  it.each(['', 'KB', '-1', '5XB', '1.2.3', '1__k'])('refuses %j', (written) => {
    expect(() => parseBytes(written)).toThrow('is not a number of bytes');
  });

  it.each([
    [2e12, '2 TB'],
    [1234, '1.23 kB'],
    [999, '999 B'],
    [999_999, '1 MB'],
    [23_148_148, '23.1 MB'],
    [3.65e18, '3,650 PB'],
  ])('writes %d as %s', (bytes, expected) => {
    expect(formatBytes(bytes)).toBe(expected);
  });
});
