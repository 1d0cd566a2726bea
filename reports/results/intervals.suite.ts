/** Histograms of single seconds come out of the store as merging the rows would make them. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import type { HistogramRow } from '../../loadgen/recorder/samples.ts';
import type { IntervalHistogram, SourceSecond, TimeWindow } from '../interval-histogram.ts';
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
        for (const window of WINDOWS) {
          const found = await store.loadIntervals(runId, 'sent_latency', window);
          expect(found.map(ordered)).toEqual(intervalsOf(within(rows, window)));
          expect(await store.loadSources(runId, 'sent_latency', window)).toEqual(sourcesOf(within(rows, window)));
        }
      }),
      { numRuns: 15, seed: 20241121 },
    );
  });
}

const WINDOWS: TimeWindow[] = [
  { fromMs: START_MS, toMs: START_MS + 2_000 },
  { fromMs: START_MS + 2_000, toMs: START_MS + 9_000 },
];

function within(rows: HistogramRow[], { fromMs, toMs }: TimeWindow): HistogramRow[] {
  return rows.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
}

/** Buckets come in any order. */
function ordered({ values, counts, ...rest }: IntervalHistogram): IntervalHistogram {
  const buckets = Array.from(values, (value, index) => [value, counts[index]!] as const).sort(([a], [b]) => a - b);
  return { ...rest, values: buckets.map(([value]) => value), counts: buckets.map(([, count]) => count) };
}

interface Group {
  atMs: number;
  source: string | null;
  histogram: MergedHistogram;
}

function intervalsOf(rows: HistogramRow[]): IntervalHistogram[] {
  return groupsOf(rows, () => null).map(({ atMs, histogram: { count, sum, min, max }, histogram }) => ({
    ...{ atMs, count, sumUs: sum, minUs: min, maxUs: max },
    ...histogram.buckets(),
  }));
}

function sourcesOf(rows: HistogramRow[]): SourceSecond[] {
  const groups = [...groupsOf(rows, () => null), ...groupsOf(rows, ({ source }) => source)];
  const order = ({ source }: Group): string => source ?? '';
  groups.sort((a, b) => a.atMs - b.atMs || (order(a) < order(b) ? -1 : 1));
  return groups.map(({ atMs, source, histogram }) => {
    const [p50, p90, p95, p99, p999] = [50, 90, 95, 99, 99.9].map((level) => histogram.percentile(level) / 1000);
    const { count, sum, max } = histogram;
    const levels = { p50: p50!, p90: p90!, p95: p95!, p99: p99!, p999: p999! };
    return { atMs, source, count, mean: sum / count / 1000, ...levels, max: max / 1000 };
  });
}

function groupsOf(rows: HistogramRow[], sourceOf: (row: HistogramRow) => string | null): Group[] {
  const groups = new Map<string, Group>();
  for (const each of rows) {
    const source = sourceOf(each);
    const key = `${each.atMs} ${source}`;
    const group = groups.get(key) ?? { atMs: each.atMs, source, histogram: new MergedHistogram() };
    group.histogram.addRow(each);
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => a.atMs - b.atMs);
}
