import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../loadgen/random.ts';
import { bucketIndex, highestEquivalentValue, MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import type { TrendSeconds } from '../run-seconds.ts';
import { drawBlocks, roomForBlocks } from './block-bootstrap.ts';
import { TrendSide, TrendTable } from './trend-table.ts';

const PERCENTS = [1, 50, 90, 99, 99.9];

/** Samples (us) of each second. */
const seconds = fc.array(fc.array(fc.oneof(fc.nat(3000), fc.nat(3_600_000_000)), { maxLength: 20 }), {
  minLength: 1,
  maxLength: 12,
});

function trendOf(samples: number[][]): TrendSeconds {
  const starts = [0];
  const values: number[] = [];
  const counts: number[] = [];
  for (const ofSecond of samples) {
    const buckets = new Map<number, number>();
    for (const us of ofSecond) buckets.set(bucketIndex(us), (buckets.get(bucketIndex(us)) ?? 0) + 1);
    for (const [bucket, count] of [...buckets].sort(([a], [b]) => a - b)) {
      values.push(highestEquivalentValue(bucket));
      counts.push(count);
    }
    starts.push(values.length);
  }
  return {
    startMs: 0,
    starts: Uint32Array.from(starts),
    values: Uint32Array.from(values),
    counts: Float64Array.from(counts),
    maxUs: 0,
  };
}

function merge(samples: number[]): MergedHistogram {
  const merged = new MergedHistogram();
  for (const us of samples) {
    merged.addRow({
      count: 1,
      sumUs: us,
      minUs: us,
      maxUs: us,
      values: [highestEquivalentValue(bucketIndex(us))],
      counts: [1],
    });
  }
  return merged;
}

describe('percentiles of resampled seconds', () => {
  it('are exactly those of the histograms of the seconds drawn, merged', () => {
    fc.assert(
      fc.property(fc.array(seconds, { minLength: 1, maxLength: 3 }), fc.nat(), (runs, seed) => {
        const random = createRandom(seed);
        const side = new TrendSide(runs.map((samples) => new TrendTable(trendOf(samples))));
        fc.pre(side.count > 0);
        const hints = PERCENTS.map((percent) => side.position(side.bucketAt(percent)));
        const all = merge(runs.flat(2));
        expect(PERCENTS.map((percent) => highestEquivalentValue(side.bucketAt(percent)))).toEqual(
          PERCENTS.map((percent) => all.percentile(percent)),
        );
        const picks = runs.map(() => {
          const run = random.integer(runs.length);
          const blocks = roomForBlocks(runs[run]!.length);
          drawBlocks(blocks, runs[run]!.length, 2.5, random);
          return { run, table: side.tables[run]!, blocks };
        });
        const drawn = merge(
          picks.flatMap(({ run, blocks }) =>
            Array.from({ length: blocks.length }, (_, i) => {
              const own = runs[run]!;
              return Array.from(
                { length: blocks.to[i]! - blocks.from[i]! },
                (_, j) => own[(blocks.from[i]! + j) % own.length]!,
              ).flat();
            }).flat(),
          ),
        );
        const found = new Int32Array(PERCENTS.length);
        side.bucketsOf(picks, PERCENTS, hints, found);
        expect([...found].map((bucket) => (bucket < 0 ? 0 : highestEquivalentValue(bucket)))).toEqual(
          PERCENTS.map((percent) => drawn.percentile(percent)),
        );
      }),
      { numRuns: 150, seed: 20240615 },
    );
  });
});
