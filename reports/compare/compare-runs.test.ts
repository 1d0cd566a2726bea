import { describe, expect, it } from 'vitest';
import { createRandom } from '../../loadgen/random.ts';
import type { RunSummary } from '../../loadgen/recorder/summary.ts';
import { type CompareOptions, compareRuns } from './compare-runs.ts';
import type { Comparison } from './comparison.ts';
import { judgeLoss } from './judge.ts';
import { type SimulatedRun, simulateRun } from './simulated-run.fixture.ts';

const BASE: SimulatedRun = { seconds: 20, rate: 60, memory: 0, wobble: 0.02 };
const OPTIONS: CompareOptions = {
  percents: [50, 99],
  metrics: ['sent_latency', 'delivery_latency'],
  judged: ['delivery_latency:p50', 'delivery_latency:p99'],
  tolerance: { share: 0.1, ms: 0 },
  seed: 1,
  resamples: 200,
};

function compare(
  a: Partial<SimulatedRun>,
  b: Partial<SimulatedRun>,
  options: Partial<CompareOptions> = {},
): Comparison {
  const side = (label: string, run: Partial<SimulatedRun>) => ({
    label,
    runs: [simulateRun(`${label}-1`, { ...BASE, ...run }, createRandom(3).fork(label))],
  });
  return compareRuns(side('a', a), side('b', b), { ...OPTIONS, ...options });
}

const changed = (change: (summary: RunSummary) => void): Partial<SimulatedRun> => ({ summary: change });

describe('a comparison', () => {
  it('says the same of the same runs and seed', () => {
    expect(compare({}, { shift: 1.3 })).toEqual(compare({}, { shift: 1.3 }));
    expect(compare({}, { shift: 1.3 })).not.toEqual(compare({}, { shift: 1.3 }, { seed: 2 }));
  });

  it('finds what is worse and what is better, of that which it judges', () => {
    expect(compare({}, { shift: 1.5 })).toMatchObject({
      verdict: 'worse',
      sentence: expect.stringMatching(/^b is worse than a: p\d\d of delivery_latency changed by \+/),
    });
    expect(compare({ shift: 1.5 }, {})).toMatchObject({
      verdict: 'better',
      sentence: expect.stringMatching(/changed by −/),
    });
    const onlyThroughput = compare({}, { shift: 1.5 }, { judged: ['throughput'] });
    expect(onlyThroughput).toMatchObject({ verdict: 'no difference seen', method: { judged: ['throughput'] } });
    expect(onlyThroughput.remarks.join()).toMatch(
      /only looked at, p50 of \w+, p99 of \w+, p50 of \w+, and 1 more would be worse/,
    );
    expect(compare({ rate: 90 }, {}, { judged: ['throughput'] }).verdict).toBe('worse');
    expect(compare({}, { shift: 1.5 }, { tolerance: { share: 0.1, ms: 60_000 } }).verdict).toBe('no difference seen');
  });

  it('says of what it judges how much worse it could be, whichever way is worse', () => {
    const judged = ['delivery_latency:p50', 'throughput'];
    const { sentence, figures, trends } = compare({ rate: 200 }, { rate: 200 }, { judged });
    const { low } = figures.find(({ name }) => name === 'throughput')!.change!.ratioInterval;
    const latency = trends.find(({ metric }) => metric === 'delivery_latency')!.rows[0]!.change!.ratioInterval;
    expect([1 / low > latency.high, low < latency.high]).toEqual([true, true]);
    expect(sentence).toContain('(throughput, delivered) would fit');
  });

  it('has a ratio for what delivered nothing, and blocks for the highest percentiles alone', () => {
    const nothing = simulateRun('b-1', BASE, createRandom(1));
    nothing.counters.messages_delivered!.fill(0);
    const a = { label: 'a', runs: [simulateRun('a-1', BASE, createRandom(2))] };
    const options = { ...OPTIONS, judged: ['throughput'], percents: [99.5] };
    const { verdict, figures, trends } = compareRuns(a, { label: 'b', runs: [nothing] }, options);
    expect(verdict).toBe('worse');
    expect(figures.map(({ change }) => Number.isFinite(change?.ratioInterval.low ?? 1))).not.toContain(false);
    expect(trends[0]!.blockSeconds.a).toBeGreaterThan(1);
  });

  it('compares what a message costs the server and the generator', () => {
    const { figures } = compare({}, {});
    const costs = figures.filter(({ unit }) => unit === 'us').map(({ name, a }) => [name, 10 * Math.round(a / 10)]);
    expect(costs).toEqual([
      ['server_cpu_per_message', 20],
      ['generator_cpu_per_message', 30],
    ]);
  });

  it('judges the first latency there is where none of those to be judged was measured', () => {
    const metrics = ['http_req_duration'] as const;
    const calls = compare({ metrics }, { metrics, shift: 2 }, { metrics });
    expect(calls).toMatchObject({
      verdict: 'worse',
      method: { judged: ['http_req_duration:p50', 'http_req_duration:p99'] },
    });
  });

  it('does not judge runs whose generator was the limit, but losses are losses', () => {
    const strained = changed((summary) => {
      summary.verdict = 'inconclusive';
    });
    expect(compare({}, { ...strained, shift: 1.5 })).toMatchObject({
      verdict: 'not judged',
      obstacles: [expect.stringMatching(/run b-1 is inconclusive/)],
    });
    const lossy = changed((summary) => {
      summary.verdict = 'inconclusive';
      summary.ledger.lost = 2;
    });
    expect(compare({}, lossy)).toMatchObject({
      verdict: 'worse',
      sentence: 'b is worse than a: 2 messages lost where a had none.',
    });
  });

  it('says what there was too little of', () => {
    expect(compare({ seconds: 9 }, {})).toMatchObject({
      verdict: 'not judged',
      sentence: expect.stringMatching(/p50 of delivery_latency: there are 9 seconds of it, 10 are needed/),
    });
    const sparse = compare({ rate: 3 }, {});
    expect(sparse.obstacles).toEqual(['p99 of delivery_latency: there are 60 samples, p99 needs 1,000']);
    expect(sparse.trends.find(({ metric }) => metric === 'delivery_latency')!.rows[0]).toMatchObject({
      verdict: 'no difference seen',
    });
  });

  it('says that there are fewer runs than were asked for before all else', () => {
    const side = (label: string) => ({ label, runs: [simulateRun(`${label}-1`, BASE, createRandom(3).fork(label))] });
    const short = [{ name: 'nightly', asked: 2, found: 1 }];
    const { unlike, remarks } = compareRuns({ ...side('a'), short }, side('b'), OPTIONS);
    expect(unlike[0]).toEqual({ what: 'runs', a: 'asked for 2 of nightly, found 1', b: '1' });
    expect(remarks[0]).toContain('fewer runs than were asked for');
  });

  it('gives no verdict on throughput where another rate was offered, unless users wait for answers', () => {
    const twice = (closed: boolean) =>
      changed((summary) => {
        summary.config.rateOffered *= 2;
        summary.config.closed = closed;
      });
    const verdict = (closed: boolean) => {
      const before = changed((summary) => {
        summary.config.closed = closed;
      });
      return compare(before, { rate: 120, ...twice(closed) }).figures[0];
    };
    expect(verdict(false)).toMatchObject({ name: 'throughput', change: null, verdict: 'not comparable' });
    expect(verdict(true)).toMatchObject({ name: 'throughput', verdict: 'better' });
  });

  it('compares connecting, which is over in a moment, without an interval', () => {
    const metrics = ['connect_latency', 'delivery_latency'] as const;
    const brief = { metrics, seconds: 9 };
    const { trends } = compare(brief, brief, { metrics });
    expect(trends.find(({ metric }) => metric === 'connect_latency')!.rows[0]).toMatchObject({
      verdict: 'no interval',
      reason: expect.stringMatching(/over before the steady phase/),
    });
  });

  it('names conditions that were not the same', () => {
    const other = changed((summary) => {
      summary.config.rateOffered = 50;
      summary.config.store = 'level:/somewhere';
      summary.metadata.machine.cores = 8;
      summary.faults = [{ kind: 'kill-shard', atSeconds: 20.2, recoverySeconds: 1, lost: 0 }];
    });
    expect(compare({}, other).unlike).toEqual([
      { what: 'offered rate', a: '34.7/s', b: '50/s' },
      { what: 'message store', a: 'memory', b: 'level' },
      { what: 'processor', a: '2 × a cpu', b: '8 × a cpu' },
      { what: 'faults', a: 'none', b: 'kill-shard at 20 s' },
    ]);
    expect(compare({}, {}).unlike).toEqual([]);
  });
});

it('losses are judged as counted: any where there was none, else by more than tolerance and chance', () => {
  const judge = (a: number, b: number, of = 10_000): string =>
    judgeLoss({ name: 'lost', a, b, of: { a: of, b: of } }, { share: 0.1, ms: 0 }).verdict;
  expect(judge(0, 0)).toBe('no difference seen');
  expect(judge(0, 1)).toBe('worse');
  expect(judge(1, 0)).toBe('better');
  expect(judge(5, 6)).toBe('no difference seen');
  expect(judge(50, 90)).toBe('worse');
  expect(judge(9_000, 9_100)).toBe('no difference seen');
});
