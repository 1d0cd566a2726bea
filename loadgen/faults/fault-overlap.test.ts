import { expect, it } from 'vitest';
import type { FaultResult } from '../recorder/summary.ts';
import { overlapNotes } from './fault-overlap.ts';

const fault = (kind: string, atSeconds: number, recoverySeconds: number | null, more: Partial<FaultResult> = {}) => ({
  ...{ kind, atSeconds, recoverySeconds, lost: 0 },
  ...more,
});

it.each<[string, FaultResult[], RegExp[]]>([
  ['one', [fault('kill-shard', 5, null)], []],
  ['one after the other', [fault('kill-shard', 5, 3), fault('half-open', 8, 2)], []],
  [
    'the effects of one reach into the next',
    [fault('kill-shard', 5, 3.5), fault('half-open', 8, 2)],
    [/^kill-shard at 5 s and half-open at 8 s overlapped/],
  ],
  [
    'one in force while another begins',
    [fault('delay-network', 5, 0, { forSeconds: 9 }), fault('half-open', 8, 2)],
    [/^delay-network at 5 s and half-open/],
  ],
  [
    'a chain, in whatever order',
    [fault('c', 9, 1), fault('a', 5, 3), fault('b', 7, 3)],
    [/^a at 5 s, b at 7 s and c at 9 s/],
  ],
  ['two pairs', [fault('a', 1, 3), fault('b', 2, 1), fault('c', 10, 3), fault('d', 12, 3)], [/^a .* b /, /^c .* d /]],
  ['one that never recovered', [fault('a', 1.002, null), fault('b', 50, 1)], [/^a at 1 s and b /]],
  ['one that disturbed nothing', [fault('a', 1, 9), fault('b', 2, 0)], []],
  ['one that was not carried out', [fault('a', 1, null, { problem: 'no' }), fault('b', 2, 1)], []],
])('%s', (_what, faults, expected) => {
  const notes = overlapNotes(faults);
  expect(notes).toHaveLength(expected.length);
  for (const [index, words] of expected.entries()) expect(notes[index]).toMatch(words);
});
