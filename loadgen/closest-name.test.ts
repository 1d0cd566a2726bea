import { expect, it } from 'vitest';
import { closestName, suggestion } from './closest-name.ts';

const KNOWN = ['rate', 'stages', 'arrivals', 'messagesPerUserPerDay'];

it.each([
  ['rat', 'rate'],
  ['Rates', 'rate'],
  ['stage', 'stages'],
  ['messagePerUserDay', 'messagesPerUserPerDay'],
  ['somethingElse', undefined],
])('%s → %s', (written, expected) => {
  expect(closestName(written, KNOWN)).toBe(expected);
});

it('lists what is known when nothing is close', () => {
  expect(suggestion('arival', KNOWN)).toBe('; did you mean "arrivals"?');
  expect(suggestion('somethingElse', ['a', 'b'])).toBe(' (known: a, b)');
});
