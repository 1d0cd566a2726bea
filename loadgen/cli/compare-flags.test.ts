import { describe, expect, it } from 'vitest';
import { readJudged, readMetrics, readPercentiles, readTolerance } from './compare-flags.ts';

describe('flags of compare', () => {
  it('reads tolerances, percentiles, metrics and rows', () => {
    expect(readTolerance('5%')).toEqual({ share: 0.05, ms: 0 });
    expect(readTolerance('2.5%, 500us')).toEqual({ share: 0.025, ms: 0.5 });
    expect(readTolerance('2ms')).toEqual({ share: 0, ms: 2 });
    expect(readPercentiles('99,p50,99.9,50')).toEqual([50, 99, 99.9]);
    expect(readMetrics('sent_latency')).toEqual(['sent_latency']);
    expect(readMetrics(undefined)).not.toContain('send_slip');
    expect(readJudged('delivery_latency:p99.9,throughput')).toEqual([
      { name: 'delivery_latency:p99.9', percent: 99.9 },
      { name: 'throughput', percent: null },
    ]);
  });

  it.each<[string, () => unknown, RegExp]>([
    ['a tolerance without a unit', () => readTolerance('5'), /--tolerance must be a share like 5%.*not "5"/],
    ['a tolerance that is none', () => readTolerance('lots'), /--tolerance must be/],
    ['a negative one', () => readTolerance('-5%'), /--tolerance must be/],
    ['one that lets all pass', () => readTolerance('5000%'), /let everything pass/],
    ['the maximum', () => readPercentiles('99,100'), /not "100"; the maximum is one sample/],
    ['a percentile that is none', () => readPercentiles('median'), /--percentiles must be numbers/],
    ['an empty part', () => readPercentiles('50,,99'), /empty part/],
    ['a slip in a metric', () => readMetrics('delivry_latency'), /did you mean "delivery_latency"/],
    ['a row without a percentile', () => readJudged('delivery_latency'), /must be written metric:p99/],
  ])('refuses %s', (_what, read, sentence) => {
    expect(read).toThrow(sentence);
  });
});
