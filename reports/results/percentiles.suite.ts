/** Percentiles that come out of SQL are those of the merged HdrHistograms, to the last digit. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { TRENDS, type TrendName } from '../../loadgen/recorder/metrics.ts';
import type { HistogramRow, Phase } from '../../loadgen/recorder/samples.ts';
import { buildHeatMap, heatRow } from '../heat-map.ts';
import type { Distribution, HeatMap, PercentilePoint, ReportModel } from '../report-model.ts';
import { batchOf, bucketsOf, emptyHistogram, runStart, START_MS } from './results-fixtures.suite.ts';
import type { ResultsStore } from './results-store.ts';

/** What one agent recorded of one metric in one second. */
export interface Interval {
  agent: number;
  second: number;
  metric: HistogramRow['metric'];
  /** Empty: of the only stream. */
  scenario: string;
  samples: Array<{ us: number; times: number }>;
}

/** Of a second, and of those that come a multiple of four later. */
const PHASES: Phase[] = ['warm-up', 'steady', 'steady', 'drain'];

const AGENTS = 3;

const interval = (metrics: readonly TrendName[], seconds: readonly number[]): fc.Arbitrary<Interval> =>
  fc.record({
    agent: fc.nat({ max: AGENTS - 1 }),
    second: fc.constantFrom(...seconds),
    metric: fc.constantFrom(...metrics),
    scenario: fc.constantFrom('', 'direct', 'groups'),
    samples: fc.array(
      fc.record({
        us: fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 3_600_000_000 })),
        times: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 5000 })),
      }),
      { minLength: 1, maxLength: 60 },
    ),
  });

/** Few metrics in one run, so that there is something to merge; all of them over the runs of a test. */
export function madeUpRun(seconds: readonly number[]): fc.Arbitrary<Interval[]> {
  return fc.shuffledSubarray([...TRENDS], { minLength: 2, maxLength: 4 }).chain((metrics) =>
    fc.uniqueArray(interval(metrics, seconds), {
      selector: ({ agent, second, metric, scenario }) => `${agent} ${second} ${metric} ${scenario}`,
      minLength: 1,
      maxLength: 30,
    }),
  );
}

const run = madeUpRun([...PHASES.keys()]);

export function percentilesSuite(storeOf: () => ResultsStore): void {
  it('computes the percentiles of merged histograms exactly', { timeout: 60_000 }, async () => {
    let runs = 0;
    const seen = new Set<TrendName>();
    await fc.assert(
      fc.asyncProperty(run, async (intervals) => {
        const store = storeOf();
        const runId = `percentiles-${++runs}`;
        await store.startRun(runStart(runId));
        await store.write(runId, batchOf({ histograms: intervals.map(rowOf) }));
        const model = await store.loadRun(runId);
        for (const { metric } of intervals) seen.add(metric);
        expectLatencies(model, intervals);
      }),
      { numRuns: 24, seed: 20241121 },
    );
    expect(seen).toEqual(new Set(TRENDS));
  });
}

/** Everything that a report says of latencies is that of the merged HdrHistograms. */
export function expectLatencies(model: ReportModel, intervals: Interval[]): void {
  for (const metric of TRENDS) {
    const ofMetric = intervals.filter((each) => each.metric === metric);
    expect(model.percentiles[metric] ?? []).toEqual(expectedPoints(ofMetric));
    expect(model.distributions.filter((each) => each.metric === metric)).toEqual([
      ...expectedDistribution(metric, 'steady', ofMetric),
      ...expectedDistribution(metric, 'all', ofMetric),
    ]);
    const maps = model.heatMaps.filter((each) => each.metric === metric);
    expect(maps).toHaveLength(metric.endsWith('_service') || ofMetric.length === 0 ? 0 : 1);
    for (const map of maps) expect(map.columns).toEqual(expectedColumns(map, ofMetric));
  }
}

/** Percentiles that anybody may ask of the tables, of every set of agents, each second and the whole run. */
export function subsetPercentilesSuite(storeOf: () => ResultsStore): void {
  it('has in SQL the exact percentiles of every set of agents', { timeout: 60_000 }, async () => {
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(run, async (intervals) => {
        const store = storeOf();
        const runId = `subsets-${++runs}`;
        await store.startRun(runStart(runId));
        await store.write(runId, batchOf({ histograms: intervals.map(rowOf) }));
        const { rows } = await store.query(SUBSETS, { run: runId });
        expect(new Map(rows.map(([key, ...figures]) => [key, figures]))).toEqual(expectedSubsets(intervals));
      }),
      { numRuns: 20, seed: 20241122 },
    );
  });
}

/** A set of agents is a number whose bit n stands for agent n; second -1 is the whole run. */
const SUBSETS = `
  SELECT concat(metric, ' ', toString(agents), ' ', toString(second)) AS key, sum(count), sum(sum_us), min(min_us),
    max(max_us), quantilesExactWeightedArray(0.5, 0.9, 0.95, 0.99, 0.999)(bucket_values, bucket_counts) AS levels
  FROM (
    SELECT *, second FROM histograms
    ARRAY JOIN [dateDiff('second', toDateTime64('2024-11-21 12:00:00', 3, 'UTC'), at), -1] AS second
    WHERE run_id = {run:String})
  ARRAY JOIN range(1, ${2 ** AGENTS}) AS agents
  WHERE bitTest(agents, toUInt8(substring(source, 7)))
  GROUP BY metric, agents, second`;

function expectedSubsets(intervals: Interval[]): Map<string, unknown[]> {
  const expected = new Map<string, unknown[]>();
  for (const metric of new Set(intervals.map((each) => each.metric))) {
    for (let agents = 1; agents < 2 ** AGENTS; agents++) {
      for (const second of [-1, ...PHASES.keys()]) {
        const chosen = intervals.filter(
          (each) =>
            each.metric === metric && (agents & (1 << each.agent)) !== 0 && (second === -1 || each.second === second),
        );
        if (chosen.length === 0) continue;
        const histogram = merged(chosen);
        const rows = chosen.map(rowOf);
        expected.set(`${metric} ${agents} ${second}`, [
          histogram.totalCount,
          rows.reduce((sum, { sumUs }) => sum + sumUs, 0),
          Math.min(...rows.map(({ minUs }) => minUs)),
          Math.max(...rows.map(({ maxUs }) => maxUs)),
          [50, 90, 95, 99, 99.9].map((level) => histogram.getValueAtPercentile(level)),
        ]);
      }
    }
  }
  return expected;
}

/** From the map's own start: one in memory begins where its metric does, one of the store where the run does. */
function expectedColumns({ metric, startMs, stepSeconds }: HeatMap, ofMetric: Interval[]): HeatMap['columns'] {
  const cells = ofMetric.flatMap((each) => {
    const { values, counts } = bucketsOf(merged([each]));
    const column = each.second - (startMs - START_MS) / 1000;
    return values.map((value, at) => ({ column, row: heatRow(value), count: counts[at]! }));
  });
  return buildHeatMap({ metric, startMs, stepSeconds }, cells).columns;
}

export function rowOf(interval: Interval): HistogramRow {
  const amounts = interval.samples.map(({ us }) => us);
  return {
    atMs: START_MS + interval.second * 1000,
    source: `agent-${interval.agent}`,
    metric: interval.metric,
    phase: phaseOf(interval.second),
    ...(interval.scenario !== '' && { scenario: interval.scenario }),
    count: interval.samples.reduce((sum, { times }) => sum + times, 0),
    sumUs: interval.samples.reduce((sum, { us, times }) => sum + us * times, 0),
    minUs: Math.min(...amounts),
    maxUs: Math.max(...amounts),
    ...bucketsOf(merged([interval])),
  };
}

function phaseOf(second: number): Phase {
  return PHASES[second % PHASES.length]!;
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
  const seconds = [...new Set(intervals.map(({ second }) => second))].sort((a, b) => a - b);
  return seconds.map((second) => {
    const ofSecond = intervals.filter((each) => each.second === second);
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
  const chosen = intervals.filter((each) => phase === 'all' || phaseOf(each.second) === phase);
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
