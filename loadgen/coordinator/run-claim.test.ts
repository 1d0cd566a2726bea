import { expect, it } from 'vitest';
import { loadOf } from './run-claim.ts';

it.each([
  [{ closed: false, rate: 20 }, '4,000 connections and 20 messages/s'],
  [{ closed: true, rate: 0 }, '4,000 connections that sent 1,250 messages/s'],
  [{ closed: true, rate: 20 }, '4,000 connections that sent 1,250 messages/s'],
  [{ closed: true, rate: 0, sent: 0, seconds: 0 }, '4,000 connections that sent 0 messages/s'],
])('of %j: %s', (held, words) => {
  expect(loadOf({ connections: 4_000, sent: 12_500, seconds: 10, ...held })).toBe(words);
});
