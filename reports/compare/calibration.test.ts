/** Whether the intervals keep what they promise: on simulated runs, where the truth is known. Seeded, so the shares are always the same. */
import { beforeAll, describe, expect, it } from 'vitest';
import { createRandom } from '../../loadgen/random.ts';
import { compareRuns } from './compare-runs.ts';
import type { ComparedTrend, Tolerance } from './comparison.ts';
import { type SimulatedRun, simulateRun } from './simulated-run.fixture.ts';

const NO_TOLERANCE: Tolerance = { share: 0, ms: 0 };
const JUDGED = ['delivery_latency:p50', 'delivery_latency:p99', 'sent_latency:p50', 'sent_latency:p99'];
const BASE: SimulatedRun = { seconds: 60, rate: 40, memory: 0.5 };

/** Compares `times` pairs of sides of `runs` runs; `shift` is what b's latencies are multiplied by. */
function trials(
  times: number,
  options: { a?: number; b?: number; shift?: number; tolerance?: Tolerance; run?: Partial<SimulatedRun> },
) {
  const { a = 1, b = 1, shift = 1, tolerance = NO_TOLERANCE, run } = options;
  return Array.from({ length: times }, (_, trial) => {
    const random = createRandom(trial);
    const side = (label: string, count: number, of: number) => ({
      label,
      runs: Array.from({ length: count }, (_, i) => ({
        ...simulateRun(`${label}-${i}`, { ...BASE, ...run, shift: of }, random.fork(`${label} ${i}`)),
        // Latencies alone: figures would cost as much again.
        ...{ counters: {}, gauges: {} },
      })),
    });
    return compareRuns(side('a', a, 1), side('b', b, shift), {
      percents: [50, 90, 99],
      metrics: ['sent_latency', 'delivery_latency'],
      judged: JUDGED,
      tolerance,
      seed: trial,
      resamples: 200,
    });
  });
}

/** Share of the rows that hold the truth. */
function coverage(comparisons: Array<{ trends: ComparedTrend[] }>, truth: number, name: string): number {
  const rows = comparisons.flatMap(({ trends }) =>
    trends.flatMap(({ rows }) => rows.filter((row) => row.name === name)),
  );
  const held = rows.filter(({ change }) => change!.ratioInterval.low <= truth && truth <= change!.ratioInterval.high);
  return held.length / rows.length;
}

describe('intervals of a change', { timeout: 60_000 }, () => {
  let same: ReturnType<typeof trials>;
  beforeAll(() => {
    same = trials(120, {});
  }, 60_000);

  it('hold the truth about 95% of the time, though seconds resemble their neighbours', () => {
    // p90 is only looked at: 95% on its own. Of 240 rows, 95% ± 2.8% is what chance alone would give.
    expect(coverage(same, 1, 'p90')).toBeGreaterThan(0.92);
    expect(coverage(same, 1, 'p90')).toBeLessThan(0.985);
    // The judged ones are at 98.75% each.
    expect(coverage(same, 1, 'p50')).toBeGreaterThan(0.96);
    expect(coverage(same, 1, 'p99')).toBeGreaterThan(0.96);
  });

  it('raise a false alarm of runs that are the same in no more than 5%, all judged rows together, even without a tolerance', () => {
    expect(same.filter(({ verdict }) => verdict === 'worse').length / same.length).toBeLessThan(0.05);
  });

  it('hold it nine times of ten where a minute is short, for its seconds resemble each other much', () => {
    const strong = trials(60, { shift: 1.3, run: { memory: 0.8 } });
    expect(coverage(strong, 1.3, 'p90')).toBeGreaterThan(0.88);
  });

  it('hold it with sets of runs that differ from each other, where seconds alone would be wrong', () => {
    const process = { run: { seconds: 20, rate: 30, betweenRuns: 0.15 } };
    expect(coverage(trials(40, { ...process, a: 3, b: 3 }), 1, 'p90')).toBeGreaterThan(0.9);
    expect(coverage(trials(40, { ...process, a: 4, b: 1 }), 1, 'p90')).toBeGreaterThan(0.85);
    expect(coverage(trials(40, process), 1, 'p90')).toBeLessThan(0.75);
  });
});

describe('verdicts', { timeout: 60_000 }, () => {
  it('find a shift of 20% in four of five pairs of minutes, whose seconds differ by 12%', () => {
    const tolerance = { share: 0.05, ms: 0 };
    const found = trials(40, { shift: 1.2, tolerance, run: { wobble: 0.12 } });
    expect(found.filter(({ verdict }) => verdict === 'worse').length / 40).toBeGreaterThan(0.8);
    const better = trials(30, { shift: 1 / 1.2, tolerance: { share: 0.05, ms: 0 }, run: { wobble: 0.12 } });
    expect(better.filter(({ verdict }) => verdict === 'better').length / 30).toBeGreaterThan(0.7);
  });

  it('leave alone what is certain, but within the tolerance', () => {
    const certain = trials(10, {
      shift: 1.04,
      tolerance: { share: 0.1, ms: 0 },
      run: { wobble: 0, memory: 0, rate: 300 },
    });
    expect(certain.every(({ verdict }) => verdict === 'no difference seen')).toBe(true);
    expect(certain.some(({ trends }) => trends[0]!.rows[0]!.change!.ratioInterval.low > 1)).toBe(true);
  });
});
