import { describe, expect, it } from 'vitest';
import type { RunListing } from '../results/results-store.ts';
import { type ShortSet, selectRuns } from './select-runs.ts';

/** Newest first, as a store lists them. */
const RUNS = [
  ['20240105-d', 'candidate', { commit: 'def' }],
  ['20240104-c', 'nightly', { commit: 'abc' }],
  ['20240103-b', 'nightly', { commit: 'abc' }],
  ['20240102-a', 'nightly', {}],
  ['20240101', 'odd,name~2', {}],
].map(([runId, name, tags]) => ({ runId, name, tags })) as RunListing[];

const select = (text: string): string[] => selectRuns(text, RUNS, 'the-place');

describe('the runs that a side means', () => {
  it.each<[string, string[]]>([
    ['20240104-c', ['20240104-c']],
    ['20240105', ['20240105-d']],
    ['nightly', ['20240104-c']],
    ['latest', ['20240105-d']],
    ['nightly~2', ['20240104-c', '20240103-b']],
    ['nightly~9', ['20240104-c', '20240103-b', '20240102-a']],
    ['tag:commit=abc', ['20240104-c', '20240103-b']],
    ['20240102-a, candidate', ['20240102-a', '20240105-d']],
    ['nightly~2,nightly~1', ['20240104-c', '20240103-b']],
    ['odd,name~2', ['20240101']],
  ])('%s', (text, ids) => {
    expect(select(text)).toEqual(ids);
  });

  it('tells of a set of which there are fewer than were asked for', () => {
    const short: ShortSet[] = [];
    for (const text of ['nightly~3', 'nightly~9,candidate~2', 'odd,name~2'])
      selectRuns(text, RUNS, 'the-place', (set) => short.push(set));
    expect(short).toEqual([
      { name: 'nightly', asked: 9, found: 3 },
      { name: 'candidate', asked: 2, found: 1 },
    ]);
  });

  it.each<[string, RegExp]>([
    ['nothing', /No run in the-place has the id or name "nothing": 'plimsoll runs' lists them/],
    ['nothing~3', /has the name "nothing"/],
    ['nightly~0', /asks for no run/],
    ['tag:commit=xyz', /has the tag commit=xyz/],
    ['2024010', /is the beginning of 20240105-d, 20240104-c, 20240103-b and 2 more/],
    ['nightly,', /empty part/],
    ['', /No run/],
  ])('%s is refused with a sentence', (text, sentence) => {
    expect(() => select(text)).toThrow(sentence);
  });
});
