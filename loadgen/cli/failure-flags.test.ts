import { expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../../server/config.ts';
import { FAILURE_FLAGS, readFailure } from './failure-flags.ts';

test('their defaults are those of the server', () => {
  const defaults = {
    unresponsiveAfter: FAILURE_FLAGS['unresponsive-after'].default,
    takeoverAfter: FAILURE_FLAGS['takeover-after'].default,
  };
  const { unresponsiveMs, takeoverAfterFailures } = DEFAULT_SETTINGS;
  expect(readFailure(defaults)).toEqual({ unresponsiveMs, takeoverAfterFailures });
});

test.each([
  [{ unresponsiveAfter: 2, takeoverAfter: 3 }, /--unresponsive-after/],
  [{ unresponsiveAfter: 30, takeoverAfter: 0 }, /--takeover-after/],
  [{ unresponsiveAfter: 30, takeoverAfter: 1.5 }, /--takeover-after/],
])('%o is refused', (argv, message) => {
  expect(() => readFailure(argv)).toThrow(message);
});
