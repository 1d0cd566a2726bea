/** Percentiles that come out of SQL are those of the merged HdrHistograms, to the last digit. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TRENDS } from '../../loadgen/recorder/metrics.ts';
import type { HistogramRow, Phase } from '../../loadgen/recorder/samples.ts';
import type { Distribution, PercentilePoint } from '../report-model.ts';
import { batchOf, bucketsOf, emptyHistogram, runStart, START_MS } from './results-fixtures.suite.ts';
import type { ResultsStore } from './results-store.ts';

/** What one agent recorded of one metric in one second. */
interface Interval {
  agent: number;
  second: number;
  metric: HistogramRow['metric'];
  /** Empty: of the only stream. */
  scenario: string;
  samples: Array<{ us: number; times: number }>;
}

const PHASES: Phase[] = ['warm-up', 'steady', 'steady', 'drain'];

const interval: fc.Arbitrary<Interval> = fc.record({
  agent: fc.nat({ max: 2 }),
  second: fc.nat({ max: PHASES.length - 1 }),
  metric: fc.constantFrom(...TRENDS.slice(0, 3)),
  scenario: fc.constantFrom('', 'direct', 'groups'),
  samples: fc.array(
    fc.record({
      us: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 3_600_000_000 })),
      times: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 5000 })),
    }),
    { minLength: 1, maxLength: 60 },
  ),
});

const run = fc.uniqueArray(interval, {
  selector: ({ agent, second, metric, scenario }) => `${agent} ${second} ${metric} ${scenario}`,
  minLength: 1,
  maxLength: 30,
});

export function percentilesSuite(storeOf: () => ResultsStore): void {
  it('computes the percentiles of merged histograms exactly', { timeout: 60_000 }, async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(run, async (intervals) => {
        const store = storeOf();
        const runId = `percentiles-${++runs}`;
        await store.startRun(runStart(runId));
        await store.write(runId, batchOf({ histograms: intervals.map(rowOf) }));
        const model = await store.loadRun(runId);
        for (const metric of TRENDS) {
          const ofMetric = intervals.filter((each) => each.metric === metric);
          expect(model.percentiles[metric] ?? []).toEqual(expectedPoints(ofMetric));
          expect(model.distributions.filter((each) => each.metric === metric)).toEqual([
            ...expectedDistribution(metric, 'steady', ofMetric),
            ...expectedDistribution(metric, 'all', ofMetric),
          ]);
        }
      }),
      { numRuns: 40, seed: 20241121 },
    );
  });
}

function rowOf(interval: Interval): HistogramRow {
  const amounts = interval.samples.map(({ us }) => us);
  return {
    atMs: START_MS + interval.second * 1000,
    source: `agent-${interval.agent}`,
    metric: interval.metric,
    phase: PHASES[interval.second]!,
    ...(interval.scenario !== '' && { scenario: interval.scenario }),
    count: interval.samples.reduce((sum, { times }) => sum + times, 0),
    sumUs: interval.samples.reduce((sum, { us, times }) => sum + us * times, 0),
    minUs: Math.min(...amounts),
    maxUs: Math.max(...amounts),
    ...bucketsOf(merged([interval])),
  };
}

function merged(intervals: Interval[]) {
  const histogram = emptyHistogram();
  for (const { us, times } of intervals.flatMap(({ samples }) => samples)) histogram.recordValueWithCount(us, times);
  return histogram;
}

function maxMs(intervals: Interval[]): number {
  return Math.max(...intervals.flatMap(({ samples }) => samples.map(({ us }) => us))) / 1000;
}

function expectedPoints(intervals: Interval[]): PercentilePoint[] {
  return PHASES.flatMap((_, second) => {
    const ofSecond = intervals.filter((each) => each.second === second);
    if (ofSecond.length === 0) return [];
    const histogram = merged(ofSecond);
    const percentile = (level: number) => histogram.getValueAtPercentile(level) / 1000;
    return {
      atMs: START_MS + second * 1000,
      count: histogram.totalCount,
      p50: percentile(50),
      p90: percentile(90),
      p99: percentile(99),
      p999: percentile(99.9),
      max: maxMs(ofSecond),
    };
  });
}

function expectedDistribution(
  metric: Distribution['metric'],
  phase: 'steady' | 'all',
  intervals: Interval[],
): Distribution[] {
  const chosen = intervals.filter((each) => phase === 'all' || PHASES[each.second] === phase);
  if (chosen.length === 0) return [];
  const histogram = merged(chosen);
  const { values, counts } = bucketsOf(histogram);
  return [
    {
      metric,
      phase,
      count: histogram.totalCount,
      maxMs: maxMs(chosen),
      values: values.map((value) => value / 1000),
      counts,
    },
  ];
}
