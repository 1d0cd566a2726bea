import { expect, it } from 'vitest';
import type { FaultResult, RunSummary } from '../../loadgen/recorder/summary.ts';
import { faultLossNote, faultRows } from './fault-view.ts';
import { renderMarkdown } from './render-markdown.ts';
import { renderText } from './render-text.ts';
import { sampleModel } from './sample-model.ts';

const KILL: FaultResult = {
  kind: 'kill-shard',
  atSeconds: 20,
  recoverySeconds: 2.6,
  lost: 0,
  forSeconds: 0,
  detail: 'shard 1 (process 4711) was killed',
  connectionsBefore: 3_000,
  connectionsLowest: 1_982,
  p99BeforeMs: 4.2,
  p99WorstMs: 1_860,
  backlogHighest: 371,
  dropped: 2,
  reconnects: 1_018,
};
const ENDLESS: FaultResult = { kind: 'freeze-shard', atSeconds: 40, recoverySeconds: null, lost: 0 };
const IMPOSSIBLE: FaultResult = { ...ENDLESS, kind: 'cut-network', problem: 'the run has no network of its own' };
const HARMLESS: FaultResult = { kind: 'results-store-outage', atSeconds: 50, recoverySeconds: 0, lost: 0 };

function summaryWith(...faults: FaultResult[]): RunSummary {
  return sampleModel({ summary: (summary) => void Object.assign(summary, { faults }) }).summary!;
}

it('a fault is told by what was done, what it did to delivery, and when that was over', () => {
  expect(faultRows(summaryWith(KILL))).toEqual([
    {
      kind: 'kill-shard',
      at: '20 s',
      recovered: 'in 2.6 s',
      bad: false,
      lost: '0',
      detail: 'shard 1 (process 4711) was killed',
      impact:
        'lowest reading of a second: 1,982 of 3,000 connections open, 1,018 opened again, delivery p99 up to 1.86 s (4.2 ms before), ' +
        'up to 371 deliveries overdue, 2 sends not started',
    },
  ]);
});

it.each([
  [ENDLESS, 'not by the end of the run', true],
  [IMPOSSIBLE, '–', true],
  [HARMLESS, 'at once: delivery was never disturbed', false],
  [{ ...KILL, lost: 3 }, 'in 2.6 s', true],
] as const)('recovery of %j', (fault, recovered, bad) => {
  expect(faultRows(summaryWith(fault))[0]).toMatchObject({ recovered, bad });
});

it('says of several that losses are those of the run, if there are any', () => {
  const lossy = summaryWith({ ...KILL, lost: 3 }, { ...ENDLESS, lost: 3 });
  lossy.ledger.lost = 3;
  expect(faultLossNote(lossy)).toMatch(/those of the whole run/);
  expect(faultLossNote({ ...lossy, faults: [lossy.faults[0]!] })).toBeNull();
  expect(faultLossNote(summaryWith(KILL, ENDLESS))).toBeNull();
});

it('stands in the terminal and in Markdown', () => {
  const summary = summaryWith(KILL, IMPOSSIBLE);
  const text = renderText(summary);
  expect(text).toMatch(
    /FAULTS\n +✓ kill-shard at 20 s: recovered in 2\.6 s, 0 lost\n +shard 1 \(process 4711\) was killed/,
  );
  expect(text).toMatch(/✗ cut-network at 40 s: .*\n +could not be carried out: the run has no network of its own/);
  expect(renderMarkdown(summary)).toMatch(
    /\| kill-shard \| 20 s \| in 2\.6 s \| 0 \| shard 1 .* was killed \| lowest reading of a second: 1,982 of/,
  );
});
