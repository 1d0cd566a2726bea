import { build, type Histogram } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../random.ts';
import type { TrendName } from './metrics.ts';
import { parseThreshold, parseThresholds, type ThresholdSpec } from './thresholds.ts';
import {
  evaluateThresholds,
  type HistogramSecond,
  type MetricView,
  thresholdsToAbort,
} from './thresholds-evaluation.ts';

const EMPTY: MetricView = {
  trend: () => undefined,
  counter: () => ({ count: 0, rate: 0 }),
  rate: () => ({ passes: 0, total: 0 }),
  gauge: () => ({}),
  trendSeries: () => ({ startMs: 0, endMs: 60_000, rows: [] }),
  counterSeries: () => ({ startMs: 0, endMs: 60_000, rows: [] }),
  gaugeSeries: () => ({ startMs: 0, endMs: 60_000, rows: [] }),
  expects: (metric) => metric !== 'resume_latency',
};

function histogram(valuesUs: number[]): Histogram {
  const result = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: 3_600_000_000,
    numberOfSignificantValueDigits: 3,
  });
  for (const value of valuesUs) result.recordValue(value);
  return result;
}

function row(atMs: number, valuesUs: number[]): HistogramSecond {
  const buckets = new Map<number, number>();
  const reference = histogram([]);
  for (const value of [...valuesUs].sort((a, b) => a - b)) {
    const edge = (reference as unknown as { highestEquivalentValue(v: number): number }).highestEquivalentValue(value);
    buckets.set(edge, (buckets.get(edge) ?? 0) + 1);
  }
  return {
    atMs,
    count: valuesUs.length,
    sumUs: valuesUs.reduce((a, b) => a + b, 0),
    minUs: Math.min(...valuesUs),
    maxUs: Math.max(...valuesUs),
    values: [...buckets.keys()],
    counts: [...buckets.values()],
  };
}

const one = (metric: string, spec: ThresholdSpec, view: MetricView) =>
  evaluateThresholds([parseThreshold(metric, spec)], view)[0]!;

describe('thresholds', () => {
  const reading = { count: 4, avg: 2.5, min: 1, max: 4, percentile: (percent: number) => percent / 10 };
  const view: MetricView = {
    ...EMPTY,
    trend: () => reading,
    counter: () => ({ count: 7, rate: 0.5 }),
    rate: () => ({ passes: 3, total: 100 }),
    gauge: () => ({ value: 42, avg: 40, min: 30, max: 50 }),
  };

  it.each([
    ['delivery_latency', 'avg<3', 2.5, true],
    ['delivery_latency', 'avg<2.5', 2.5, false],
    ['delivery_latency', 'avg<=2.5', 2.5, true],
    ['delivery_latency', 'min>0.5', 1, true],
    ['delivery_latency', 'min>1', 1, false],
    ['delivery_latency', 'min>=1', 1, true],
    ['delivery_latency', 'max==4', 4, true],
    ['delivery_latency', 'max===4', 4, true],
    ['delivery_latency', 'max!=4', 4, false],
    ['delivery_latency', 'med<5', 5, false],
    ['delivery_latency', 'p(99)<10', 9.9, true],
    ['messages_lost', 'count==0', 7, false],
    ['messages_sent', 'rate>0.4', 0.5, true],
    ['connections', 'value>=42', 42, true],
    ['http_req_failed', 'rate<0.03', 0.03, false],
    ['http_req_failed', 'rate<=.03', 0.03, true],
    ['server_memory_bytes_per_connection', '<8000', 42, true],
    ['server_rss_bytes', 'max<50', 50, false],
    ['server_cpu', 'avg<41', 40, true],
    ['agent_cpu', 'min>30', 30, false],
  ])('%s %s: %d, %s', (metric, threshold, value, ok) => {
    expect(one(metric, threshold, view)).toEqual({ metric, threshold, value, ok });
  });

  it('pass their tags to the view', () => {
    const seen: unknown[] = [];
    one('sent_latency{phase:drain}', 'avg<1', { ...view, trend: (metric, tags) => void seen.push(metric, tags) });
    expect(seen).toEqual(['sent_latency', { phase: 'drain' }]);
  });
});

describe('what was never recorded', () => {
  it('is 0 for a counter', () => {
    expect(one('messages_lost', 'count==0', EMPTY)).toMatchObject({ value: 0, ok: true });
  });

  it('fails a trend that was to have samples, in the whole and in windows, and passes one that was not', () => {
    expect(one('delivery_latency', 'p(99)<100', EMPTY)).toMatchObject({ value: null, ok: false });
    expect(one('delivery_latency', 'p(99)<100 over 30s', EMPTY)).toMatchObject({ value: null, ok: false });
    const empty = { count: 0, avg: 0, min: 0, max: 0, percentile: () => 0 };
    expect(one('delivery_latency', 'p(99)<100', { ...EMPTY, trend: () => empty })).toMatchObject({
      value: null,
      ok: false,
    });
    expect(one('resume_latency', 'p(99)<100', EMPTY)).toMatchObject({ value: null, ok: true });
  });

  it('fails a rate of calls that were to be made, and passes one of such that were not', () => {
    expect(one('http_req_failed', 'rate<0.01', EMPTY)).toMatchObject({ value: null, ok: false });
    const noHttp = { ...EMPTY, expects: () => false };
    expect(one('http_req_failed', 'rate<0.01', noHttp)).toMatchObject({ value: null, ok: true });
    expect(one('http_req_failed', 'rate<0.01 over 5s', noHttp)).toMatchObject({ value: null, ok: true });
  });

  it('fails a gauge', () => {
    expect(one('server_cpu', 'value<1', EMPTY)).toMatchObject({ value: null, ok: false });
    expect(one('server_cpu', 'max<1', EMPTY)).toMatchObject({ value: null, ok: false });
    expect(one('server_cpu', 'value<1 over 5s', EMPTY)).toMatchObject({ value: null, ok: false });
  });
});

describe('ending a run', () => {
  const view: MetricView = { ...EMPTY, counter: () => ({ count: 1, rate: 1 }) };
  const thresholds = parseThresholds({
    messages_lost: [{ threshold: 'count==0', abortOnFail: true, delayAbortEval: '10s' }, 'count<1'],
    messages_sent: [{ threshold: 'count<5', abortOnFail: true }],
    delivery_latency: [{ threshold: 'avg<1', abortOnFail: true }],
  });

  it('waits for its delay, and for samples', () => {
    expect(thresholdsToAbort(thresholds, view, 10_000)).toEqual([]);
    expect(thresholdsToAbort(thresholds, view, 10_001)).toEqual([{ threshold: thresholds[0], value: 1 }]);
  });

  it('leaves a counter alone that never counted, as k6 does', () => {
    const minimum = parseThresholds({ messages_delivered: [{ threshold: 'rate>100', abortOnFail: true }] });
    expect(thresholdsToAbort(minimum, EMPTY, 1000)).toEqual([]);
    expect(thresholdsToAbort(minimum, view, 1000)).toMatchObject([{ value: 1 }]);
  });

  it('looks at complete windows only, and at the newest', () => {
    const [threshold] = parseThresholds({
      messages_sent: [{ threshold: 'rate>5 over 10s', abortOnFail: true }],
    });
    const at = (endMs: number, rows: Array<{ atMs: number; value: number }>) =>
      thresholdsToAbort(
        [threshold!],
        { ...view, counterSeries: () => ({ startMs: 0, endMs, rows, live: true }) },
        endMs,
      );
    const slow = Array.from({ length: 60 }, (_, second) => ({ atMs: second * 1000, value: 1 }));
    expect(at(9999, slow.slice(0, 9))).toEqual([]);
    expect(at(10_000, slow.slice(0, 10))).toMatchObject([{ value: 1 }]);
    const recovered = slow.map(({ atMs }) => ({ atMs, value: atMs < 20_000 ? 1 : 10 }));
    expect(at(60_000, recovered)).toEqual([]);
  });
});

describe('windows', () => {
  const seconds = (count: number, values: (second: number) => number[]) =>
    Array.from({ length: count }, (_, second) => row(second * 1000, values(second)));
  const viewOf = (rows: HistogramSecond[], endMs: number): MetricView => ({
    ...EMPTY,
    trendSeries: () => ({ startMs: 0, endMs, rows }),
  });

  it('agree with merged HDR histograms', () => {
    const random = createRandom(21);
    const samples = Array.from({ length: 40 }, () =>
      Array.from({ length: 1 + random.integer(60) }, () => Math.ceil(random.lognormal(9, 1.5))),
    );
    const rows = samples.map((values, second) => row(second * 1000, values));
    for (const percent of [1, 50, 90, 99, 99.9, 100]) {
      // The highest value of a bucket, but never more than was measured.
      const expected = Array.from({ length: 31 }, (_, first) => {
        const all = samples.slice(first, first + 10).flat();
        return Math.min(histogram(all).getValueAtPercentile(percent), Math.max(...all)) / 1000;
      });
      const at = (operator: string) =>
        one('delivery_latency', `p(${percent})${operator}1 over 10s`, viewOf(rows, 40_000)).value;
      expect(at('<')).toBe(Math.max(...expected));
      expect(at('>')).toBe(Math.min(...expected));
    }
    const averages = Array.from({ length: 31 }, (_, first) => samples.slice(first, first + 10).flat()).map(
      (all) => all.reduce((a, b) => a + b, 0) / all.length / 1000,
    );
    expect(one('delivery_latency', 'avg<1 over 10s', viewOf(rows, 40_000)).value).toBeCloseTo(Math.max(...averages), 9);
    expect(one('delivery_latency', 'max>1 over 40s', viewOf(rows, 40_000)).value).toBe(
      Math.max(...samples.flat()) / 1000,
    );
    expect(one('delivery_latency', 'p(0)>1 over 40s', viewOf(rows, 40_000)).value).toBe(
      Math.min(...samples.flat()) / 1000,
    );
  });

  it('see a bad stretch that the whole hides', () => {
    const rows = seconds(60, (second) => Array.from({ length: 100 }, () => (second === 20 ? 500_000 : 1000)));
    expect(one('delivery_latency', 'p(95)<100 over 10s', viewOf(rows, 60_000)).ok).toBe(false);
    expect(one('delivery_latency', 'p(95)<100 over 30s', viewOf(rows, 60_000)).ok).toBe(true);
  });

  it('see what arrives after the phase and in its first, partial second', () => {
    const late = [...seconds(10, () => [1000]), row(10_000, [900_000])];
    expect(one('delivery_latency', 'max<100 over 5s', viewOf(late, 9500)).value).toBe(900);
    const early = seconds(10, (second) => [second === 0 ? 900_000 : 1000]);
    const view: MetricView = { ...EMPTY, trendSeries: () => ({ startMs: 700, endMs: 9700, rows: early }) };
    expect(one('delivery_latency', 'max<100 over 5s', view).value).toBe(900);
  });

  it('take all there is where the phase is shorter, and skip windows without samples', () => {
    expect(
      one(
        'delivery_latency',
        'max<100 over 1m',
        viewOf(
          seconds(5, () => [2000]),
          5000,
        ),
      ).value,
    ).toBe(2);
    expect(one('delivery_latency', 'avg<100 over 2s', viewOf([row(0, [1000]), row(9000, [3000])], 10_000)).value).toBe(
      3,
    );
  });

  it('count counters over whole seconds', () => {
    const rows = Array.from({ length: 11 }, (_, second) => ({
      atMs: second * 1000,
      value: second === 0 || second === 10 ? 1 : second === 5 ? 4 : 10,
    }));
    const view: MetricView = { ...EMPTY, counterSeries: () => ({ startMs: 300, endMs: 10_300, rows }) };
    expect(one('messages_sent', 'rate>6 over 3s', view)).toMatchObject({ value: 8, ok: true });
    expect(one('messages_sent', 'count<30 over 3s', view)).toMatchObject({ value: 30, ok: false });
  });

  it('divide counts of the same seconds for a rate', () => {
    const perSecond = (values: number[]) => values.map((value, second) => ({ atMs: second * 1000, value }));
    const rows = { http_req_failed: perSecond([0, 0, 5, 0, 0]), http_reqs: perSecond([10, 10, 10, 0, 10]) };
    const view: MetricView = {
      ...EMPTY,
      counterSeries: (metric) => ({ startMs: 0, endMs: 5000, rows: rows[metric as keyof typeof rows] }),
    };
    expect(one('http_req_failed', 'rate<0.3 over 2s', view)).toMatchObject({ value: 0.5, ok: false });
    expect(one('http_req_failed', 'rate<0.3 over 5s', view)).toMatchObject({ value: 0.125, ok: true });
    const without = { ...view, counterSeries: () => ({ startMs: 0, endMs: 5000, rows: [] }), expects: () => true };
    expect(one('http_req_failed', 'rate<0.3 over 2s', without)).toMatchObject({ value: null, ok: false });
  });

  it('take the mean, or an extreme, of a gauge in whole seconds', () => {
    const rows = [9, 1, 2, 3, 4, 9].map((value, second) => ({ atMs: second * 1000, value }));
    const view: MetricView = { ...EMPTY, gaugeSeries: () => ({ startMs: 300, endMs: 5300, rows }) };
    expect(one('server_cpu', 'value<3 over 2s', view)).toMatchObject({ value: 3.5, ok: false });
    expect(one('server_cpu', '<3 over 2s', view).value).toBe(3.5);
    expect(one('server_cpu', 'avg>1 over 2s', view).value).toBe(1.5);
    expect(one('server_cpu', 'max<9 over 2s', view).value).toBe(4);
    expect(one('server_cpu', 'min>0 over 1m', view).value).toBe(1);
  });
});

it('keeps the order of thresholds', () => {
  const names: TrendName[] = ['sent_latency', 'delivery_latency'];
  const parsed = parseThresholds({ sent_latency: ['avg<1', 'max<1'], delivery_latency: ['avg<1'] });
  expect(evaluateThresholds(parsed, EMPTY).map(({ metric, threshold }) => `${metric} ${threshold}`)).toEqual([
    `${names[0]} avg<1`,
    `${names[0]} max<1`,
    `${names[1]} avg<1`,
  ]);
});
