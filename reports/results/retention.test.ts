import { expect, it } from 'vitest';
import { parseRetention } from './retention.ts';

it('is read as days, forever, or nothing said', () => {
  expect([undefined, '', 'forever', '1d', '90d', '3650d'].map(parseRetention)).toEqual([
    undefined,
    undefined,
    'forever',
    1,
    90,
    3650,
  ]);
});

it.each(['0d', '3651d', '90', '90 d', '-1d', '1h', '1e3d', 'never'])('is refused as %j', (text) => {
  expect(() => parseRetention(text)).toThrow(
    `PLIMSOLL_RESULTS_RETENTION is "${text}": write whole days, 1d to 3650d, or forever.`,
  );
});
