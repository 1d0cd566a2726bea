/** Percentiles of one latency on one side of a comparison, with their resamples. Pure. */
import type { Random } from '../../loadgen/random.ts';
import { highestEquivalentValue } from '../../loadgen/recorder/histogram.ts';
import type { TrendSeconds } from '../run-seconds.ts';
import { blockLength, dependence } from './block-bootstrap.ts';
import { type Drawn, dependenceOfSide, type Estimate, eachResample, type Pick } from './resampling.ts';
import { TrendSide, TrendTable } from './trend-table.ts';

export interface TrendEstimates {
  /** Samples of all runs of the side. */
  count: number;
  seconds: number;
  /** Longest mean block of its runs, seconds. */
  blockSeconds: number;
  /** One for each percentile asked for, in us. */
  estimates: Estimate[];
}

/** `trends`: one for each run of the side, none of them empty. `percents` ascending. */
export function estimateTrend(
  trends: readonly TrendSeconds[],
  percents: readonly number[],
  resamples: number,
  random: Random,
): TrendEstimates {
  const side = new TrendSide(trends.map((trend) => new TrendTable(trend)));
  const buckets = percents.map((percent) => side.bucketAt(percent));
  const hints = buckets.map((bucket) => side.position(bucket));
  const drawn = side.tables.map((table): Drawn => {
    // The longest memory that any of the percentiles shows. The highest have too few samples to show one.
    const lengths = percents.map((percent, i) =>
      percent > 99 && i > 0 ? 1 : blockLength(table.influence(buckets[i]!, percent)),
    );
    return { seconds: table.seconds, meanLength: Math.max(1, ...lengths) };
  });
  const found = new Int32Array(percents.length);
  const resample = (mode: 'drawn' | 'kept', stream: Random): Float64Array[] => {
    const values = percents.map(() => new Float64Array(resamples));
    eachResample(drawn, mode, resamples, stream, (index, picks) => {
      side.bucketsOf(
        picks.map(({ run, blocks }: Pick) => ({ table: side.tables[run]!, blocks })),
        percents,
        hints,
        found,
      );
      for (let i = 0; i < percents.length; i++) {
        const bucket = found[i]!;
        // A resample without a sample says nothing: the estimate stands in.
        values[i]![index] = highestEquivalentValue(bucket < 0 ? buckets[i]! : bucket);
      }
    });
    return values;
  };
  const resampled = resample('drawn', random.fork('runs and seconds'));
  const within = trends.length === 1 ? resampled : resample('kept', random.fork('seconds'));
  return {
    count: side.count,
    seconds: drawn.reduce((sum, { seconds }) => sum + seconds, 0),
    blockSeconds: Math.max(...drawn.map(({ meanLength }) => meanLength)),
    estimates: percents.map((percent, i) => ({
      value: highestEquivalentValue(buckets[i]!),
      runs: trends.length,
      ...dependenceOfSide(
        side.tables.map((table, run) => dependence(table.influence(buckets[i]!, percent), drawn[run]!.meanLength)),
      ),
      resampled: resampled[i]!,
      within: within[i]!,
    })),
  };
}
