import { type Histogram, HistogramLogReader, listTags } from 'hdr-histogram-js';
import { describe, expect, it } from 'vitest';
import { interval, loaderOf, modelOf, START_MS, textOf } from './interval-fixtures.suite.ts';
import { renderHlog } from './render-hlog.ts';

const STORED = loaderOf({
  histograms: {
    connect_latency: [interval(0, [900, 1_000])],
    delivery_latency: [
      interval(1, [1, 2_047, 2_049, 5_000, 3_600_000_000]),
      interval(
        3,
        Array.from({ length: 3_000 }, (_, i) => 100 + i * i),
      ),
    ],
  },
});
const MODEL = modelOf(['delivery_latency', 'connect_latency']);

/** What HdrHistogram's own reader makes of a log. */
function read(log: string): Histogram[] {
  const reader = new HistogramLogReader(log);
  const found: Histogram[] = [];
  for (;;) {
    const next = reader.nextIntervalHistogram();
    if (next === null) return found;
    found.push(next as Histogram);
  }
}

describe('the HdrHistogram log', () => {
  it('comes back from HdrHistogram’s reader as it was recorded', async () => {
    const log = await textOf(renderHlog(MODEL, STORED));
    expect(listTags(log)).toEqual(['connect_latency', 'delivery_latency']);
    const [connect, first, second] = read(log);
    expect(connect).toMatchObject({ tag: 'connect_latency', totalCount: 2, startTimeStampMsec: START_MS });
    expect(first).toMatchObject({ tag: 'delivery_latency', totalCount: 5, startTimeStampMsec: START_MS + 1_000 });
    expect(first!.endTimeStampMsec).toBe(START_MS + 2_000);
    expect([0, 40, 60, 80, 100].map((level) => first!.getValueAtPercentile(level))).toEqual([
      1, 2_047, 2_049, 5_003, 3_600_809_983,
    ]);
    expect(second!.totalCount).toBe(3_000);
    const exact = 100 + 2_969 ** 2;
    expect(second!.getValueAtPercentile(99)).toBeGreaterThanOrEqual(exact);
    expect(second!.getValueAtPercentile(99)).toBeLessThan(exact * 1.001);
  });

  it('is in the order of time, with the greatest value in milliseconds', async () => {
    const log = await textOf(renderHlog(MODEL, STORED));
    const lines = log.split('\n').filter((line) => line.startsWith('Tag='));
    expect(lines.map((line) => line.split(',').slice(0, 4))).toEqual([
      ['Tag=connect_latency', '0.000', '1.000', '1.000'],
      ['Tag=delivery_latency', '1.000', '1.000', '3600000.000'],
      ['Tag=delivery_latency', '3.000', '1.000', '8994.101'],
    ]);
  });

  it('names its format, its start and its columns, as HdrHistogram’s writer does', async () => {
    const lines = (await textOf(renderHlog(MODEL, STORED))).split('\n');
    expect(lines.slice(2, 6)).toEqual([
      '#[Histogram log format version 1.3]',
      '#[StartTime: 1773480420.000 (seconds since epoch), Sat, 14 Mar 2026 09:27:00 GMT]',
      '#[BaseTime: 1773480420.000 (seconds since epoch)]',
      '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"',
    ]);
    expect(lines.at(-1)).toBe('');
  });

  it('of a run without messages says so, and is read as an empty one', async () => {
    const log = await textOf(renderHlog(modelOf([]), STORED));
    expect(log).toContain('#[No latency was recorded in this run]');
    expect(read(log)).toEqual([]);
  });
});
