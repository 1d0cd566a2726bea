import { expect, it } from 'vitest';
import { renderRuns } from './render-runs.ts';

const finished = {
  runId: '01JPA7V5ZK4T8Q2M9R3W6X1Y0B',
  name: 'fifty-thousand',
  tags: { commit: '4f1c2ab' },
  scenario: 'fifty-thousand',
  startedAtMs: Date.UTC(2026, 2, 14, 9, 26, 53),
  finishedAtMs: Date.UTC(2026, 2, 14, 9, 28, 23),
  status: 'finished',
  verdict: 'pass',
  connectionsPeak: 50_000,
  deliveryP99Ms: 16.37,
} as const;
const interrupted = {
  ...finished,
  name: 'retry',
  tags: {},
  finishedAtMs: null,
  status: 'interrupted',
  verdict: null,
  connectionsPeak: null,
  deliveryP99Ms: null,
} as const;

it('lists a run a line, with what it came to', () => {
  const [header, first, second] = renderRuns([finished, interrupted]).split('\n');
  expect(header).toMatch(/^run +started +scenario +verdict +length +connections +delivery p99 +name and tags$/);
  expect(first).toMatch(
    / 2026-03-14 09:26:53 UTC +fifty-thousand +pass +1 min 30 s +50,000 +16\.4 ms +commit=4f1c2ab$/,
  );
  expect(second).toMatch(/ fifty-thousand +interrupted +– +– +– +retry$/);
});

it('says how to get a first run', () => {
  expect(renderRuns([])).toMatch(/No run is stored yet; start one with: plimsoll run/);
});
