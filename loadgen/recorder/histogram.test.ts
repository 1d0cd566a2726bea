import fc from 'fast-check';
import { build, decodeFromCompressedBase64, type Histogram, initWebAssemblySync } from 'hdr-histogram-js';
import { describe, expect, test } from 'vitest';
import {
  bucketIndex,
  HIGHEST_US,
  highestEquivalentValue,
  lowestEquivalentValue,
  MergedHistogram,
} from './histogram.ts';
import { IntervalRecorder } from './interval-recorder.ts';

const PERCENTS = [0, 1, 25, 50, 75, 90, 95, 99, 99.9, 99.99, 100];

/** HdrHistogram itself, plain JavaScript, with everything in one. */
function oneHistogram(samplesUs: number[]): Histogram {
  const histogram = build({ bitBucketSize: 64, highestTrackableValue: HIGHEST_US, numberOfSignificantValueDigits: 3 });
  for (const us of samplesUs) histogram.recordValue(us);
  return histogram;
}

const duration = fc.oneof(
  fc.integer({ min: 1, max: 5000 }),
  fc.integer({ min: 1, max: HIGHEST_US }),
  fc.constantFrom(1, 2047, 2048, 2049, 4095, 4096, HIGHEST_US),
);

test('bucket layout: each value lies in its bucket, and buckets follow one another', () => {
  fc.assert(
    fc.property(duration, (us) => {
      const index = bucketIndex(us);
      expect(lowestEquivalentValue(index)).toBeLessThanOrEqual(us);
      expect(highestEquivalentValue(index)).toBeGreaterThanOrEqual(us);
      expect(lowestEquivalentValue(index + 1)).toBe(highestEquivalentValue(index) + 1);
      expect(bucketIndex(highestEquivalentValue(index))).toBe(index);
    }),
  );
});

describe('merged rows of any recorders and seconds are one histogram of all samples', () => {
  const split = fc.array(fc.record({ us: duration, recorder: fc.nat(2), second: fc.nat(2) }), {
    minLength: 1,
    maxLength: 300,
  });

  test('count, sum, extremes, percentiles and encoding', () => {
    const recorders = [0, 1, 2].map((i) => new IntervalRecorder(`agent-${i}`));
    fc.assert(
      fc.property(split, (samples) => {
        const merged = new MergedHistogram();
        for (const second of [0, 1, 2]) {
          for (const [i, recorder] of recorders.entries()) {
            for (const s of samples)
              if (s.recorder === i && s.second === second) recorder.record('sent_latency', 'steady', s.us / 1000);
            for (const row of recorder.swap(second)) merged.addRow(row);
          }
        }
        const all = samples.map((s) => s.us);
        const expected = oneHistogram(all);
        expect(merged.count).toBe(all.length);
        expect(merged.sum).toBe(all.reduce((a, b) => a + b, 0));
        expect([merged.min, merged.max]).toEqual([Math.min(...all), Math.max(...all)]);
        for (const percent of PERCENTS) expect(merged.percentile(percent)).toBe(expected.getValueAtPercentile(percent));
        const decoded = decodeFromCompressedBase64(merged.toBase64());
        expect(decoded.totalCount).toBe(all.length);
        for (const percent of PERCENTS)
          expect(decoded.getValueAtPercentile(percent)).toBe(expected.getValueAtPercentile(percent));
      }),
      { numRuns: 60 },
    );
    for (const recorder of recorders) recorder.close();
  });

  test('merging merged ones is the same as merging all', () => {
    fc.assert(
      fc.property(fc.array(fc.array(duration), { maxLength: 5 }), (groups) => {
        const recorder = new IntervalRecorder('a');
        const byGroup = new MergedHistogram();
        const flat = new MergedHistogram();
        for (const group of groups) {
          const part = new MergedHistogram();
          for (const us of group) recorder.record('send_slip', 'drain', us / 1000);
          for (const row of recorder.swap(0)) {
            part.addRow(row);
            flat.addRow(row);
          }
          byGroup.add(part);
        }
        recorder.close();
        expect(byGroup.toBase64()).toBe(flat.toBase64());
        expect([byGroup.count, byGroup.sum, byGroup.min, byGroup.max]).toEqual([
          flat.count,
          flat.sum,
          flat.min,
          flat.max,
        ]);
        expect(byGroup.buckets()).toEqual(flat.buckets());
      }),
      { numRuns: 40 },
    );
  });

  test('great counts, where a percentile is a matter of one ulp', () => {
    initWebAssemblySync();
    const merged = new MergedHistogram();
    const expected = build({ bitBucketSize: 64, highestTrackableValue: HIGHEST_US, numberOfSignificantValueDigits: 3 });
    for (let us = 1; us <= 1000; us++) {
      merged.addRow({ count: 1e9, sumUs: us * 1e9, minUs: us, maxUs: us, values: [us], counts: [1e9] });
      expected.recordValueWithCount(us, 1e9);
    }
    for (const percent of [...PERCENTS, 99.7, 58.3, 0.1])
      expect(merged.percentile(percent)).toBe(expected.getValueAtPercentile(percent));
    expect(decodeFromCompressedBase64(merged.toBase64(), 64).totalCount).toBe(1e12);
  });
});

test('an empty histogram is all zeros', () => {
  const empty = new MergedHistogram();
  expect([empty.count, empty.sum, empty.min, empty.max, empty.mean, empty.percentile(99)]).toEqual([0, 0, 0, 0, 0, 0]);
  expect(decodeFromCompressedBase64(empty.toBase64()).totalCount).toBe(0);
});

test.each([4096, -1, 3_700_000_000, 1.5, Number.NaN])(
  'a row with the value %d, which is no bucket, is refused',
  (value) => {
    const row = { count: 1, sumUs: 1, minUs: 1, maxUs: 1, values: [value], counts: [1] };
    expect(() => new MergedHistogram().addRow(row)).toThrow('is not the highest value of a histogram bucket');
  },
);
