import { expect, it } from 'vitest';
import { DEFAULT_SETTINGS } from '../../server/config.ts';
import { LIMIT_FLAGS, readLimits } from './limit-flags.ts';

const defaults = {
  userRate: LIMIT_FLAGS['user-rate'].default,
  addressRate: LIMIT_FLAGS['address-rate'].default,
  maxConnectionsPerUser: LIMIT_FLAGS['max-connections-per-user'].default,
};

it('the defaults are the server’s own', () => {
  const { userRate, addressRate, maxConnectionsPerUser } = DEFAULT_SETTINGS;
  expect(readLimits(defaults)).toEqual({ userRate, addressRate, maxConnectionsPerUser });
});

it('twice the rate may come at once', () => {
  expect(readLimits({ ...defaults, addressRate: 50 }).addressRate).toEqual({ perSecond: 50, burst: 100 });
});

it.each([
  ['userRate', -1, '--user-rate must be a whole number from 0'],
  ['userRate', 1.5, '--user-rate must be a whole number from 0'],
  ['addressRate', Number.NaN, '--address-rate must be a whole number from 0'],
  ['maxConnectionsPerUser', 0, '--max-connections-per-user must be a whole number from 1'],
])('%s %d is refused', (name, value, sentence) => {
  expect(() => readLimits({ ...defaults, [name]: value })).toThrow(sentence);
});
