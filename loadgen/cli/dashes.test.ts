import { expect, it } from 'vitest';
import { joinDashes } from './dashes.ts';

it.each([
  ['report --markdown - nightly', 'report --markdown=- nightly'],
  ['report --html a.html --csv -', 'report --html a.html --csv=-'],
  ['query -', 'query --query=-'],
  ['query - --json', 'query --query=- --json'],
  ['query --json -', 'query --json --query=-'],
  ['query --param metric=a - --csv', 'query --param metric=a --query=- --csv'],
])('%s', (typed, parsed) => {
  expect(joinDashes(typed.split(' ')).join(' ')).toBe(parsed);
});
