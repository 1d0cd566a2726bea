/** Histograms of single seconds come out of the store as merging the rows would make them. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import type { HistogramRow } from '../../loadgen/recorder/samples.ts';
import type { IntervalHistogram } from '../interval-histogram.ts';
import { batchOf, bucketsOf, emptyHistogram, histogramRow, runStart, START_MS } from './results-fixtures.suite.ts';
import type { ResultsStore } from './results-store.ts';

const row: fc.Arbitrary<HistogramRow> = fc
  .record({
    second: fc.nat({ max: 3 }),
    source: fc.constantFrom('agent-0', 'agent-1', 'agent-10'),
    phase: fc.constantFrom('warm-up' as const, 'steady' as const),
    scenario: fc.constantFrom('direct', 'groups'),
    samples: fc.array(fc.integer({ min: 1, max: 3_600_000_000 }), { minLength: 1, maxLength: 20 }),
  })
  .map(({ second, samples, ...rest }) => {
    const histogram = emptyHistogram();
    for (const us of samples) histogram.recordValue(us);
    return {
      ...rest,
      atMs: START_MS + second * 1000,
      metric: 'sent_latency',
      count: samples.length,
      sumUs: samples.reduce((sum, us) => sum + us, 0),
      minUs: Math.min(...samples),
      maxUs: Math.max(...samples),
      ...bucketsOf(histogram),
    };
  });

export function intervalsSuite(storeOf: () => ResultsStore): void {
  it('gives the histograms of single seconds, of all and of each that recorded', { timeout: 60_000 }, async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (rows) => {
        const store = storeOf();
        const runId = `intervals-${++runs}`;
        await store.startRun(runStart(runId));
        await store.write(runId, batchOf({ histograms: [...rows, histogramRow({ metric: 'send_slip' })] }));
        expect(await store.loadIntervals(runId, 'sent_latency')).toEqual(merged(rows, () => ''));
        const bySource = await store.loadIntervals(runId, 'sent_latency', { bySource: true });
        expect(bySource).toEqual(merged(rows, ({ source }) => source));
      }),
      { numRuns: 15, seed: 20241121 },
    );
  });
}

function merged(rows: HistogramRow[], sourceOf: (row: HistogramRow) => string): IntervalHistogram[] {
  const groups = new Map<string, { atMs: number; source: string; histogram: MergedHistogram }>();
  for (const each of rows) {
    const source = sourceOf(each);
    const key = `${each.atMs} ${source}`;
    const group = groups.get(key) ?? { atMs: each.atMs, source, histogram: new MergedHistogram() };
    group.histogram.addRow(each);
    groups.set(key, group);
  }
  return [...groups.values()]
    .sort((a, b) => a.atMs - b.atMs || (a.source < b.source ? -1 : 1))
    .map(({ atMs, source, histogram: { count, sum, min, max }, histogram }) => ({
      ...{ atMs, source, count, sumUs: sum, minUs: min, maxUs: max },
      ...histogram.buckets(),
    }));
}
