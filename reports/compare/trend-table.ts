/**
 * Percentiles of a run's seconds, resampled without merging a histogram anew. For each bucket that is looked at, running sums
 * over the seconds of the samples in it and all lower ones are kept; the samples of a block of seconds are then one
 * subtraction, whatever its length, and a percentile is found by a search over buckets. Pure.
 */
import { bucketIndex } from '../../loadgen/recorder/histogram.ts';
import type { TrendSeconds } from '../run-seconds.ts';
import { type Blocks, runningSums, sumOverBlocks } from './block-bootstrap.ts';

/** As many as values of 32 bits can fall into. */
const BUCKETS = bucketIndex(2 ** 32 - 1) + 1;

/** One run's histograms of one metric. Buckets are named by their index in HdrHistogram's layout. */
export class TrendTable {
  readonly seconds: number;
  /** Samples of each second, as running sums. */
  readonly totals: Float64Array;
  /** Samples by bucket, then by second: those of `bucket` are from `#starts[bucket]` up to `#starts[bucket + 1]`. */
  readonly #starts: Uint32Array;
  readonly #secondOf: Uint32Array;
  readonly #counts: Float64Array;
  /** For every so many entries of these, the samples of each second in all entries before: columns start from there. */
  readonly #checkpoints: Uint32Array[] = [];
  readonly #columns = new Map<number, Float64Array>();

  constructor({ starts, values, counts }: TrendSeconds) {
    this.seconds = starts.length - 1;
    const size = values.length;
    const buckets = new Uint16Array(size);
    this.#starts = new Uint32Array(BUCKETS + 1);
    for (let at = 0; at < size; at++) {
      buckets[at] = bucketIndex(values[at]!);
      this.#starts[buckets[at]! + 1]!++;
    }
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#starts[bucket + 1]! += this.#starts[bucket]!;
    this.#secondOf = new Uint32Array(size);
    this.#counts = new Float64Array(size);
    const next = this.#starts.slice();
    for (let second = 0; second < this.seconds; second++) {
      for (let at = starts[second]!; at < starts[second + 1]!; at++) {
        const to = next[buckets[at]!]!++;
        this.#secondOf[to] = second;
        this.#counts[to] = counts[at]!;
      }
    }
    this.totals = runningSums(this.#addCheckpoints());
  }

  get count(): number {
    return this.totals[this.seconds]!;
  }

  /** Adds the samples of each bucket to `counts`. */
  addTo(counts: Float64Array): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      for (let at = this.#starts[bucket]!; at < this.#starts[bucket + 1]!; at++) counts[bucket]! += this.#counts[at]!;
    }
  }

  /** Running sums over the seconds of samples in `bucket` or below. */
  column(bucket: number): Float64Array {
    const known = this.#columns.get(bucket);
    if (known !== undefined) return known;
    const end = this.#starts[bucket + 1]!;
    const nearest = Math.floor(end / this.#stride);
    const ofSeconds = this.#checkpoints[nearest]!.slice();
    this.#addEntries(ofSeconds, nearest * this.#stride, end);
    const column = runningSums(ofSeconds);
    this.#columns.set(bucket, column);
    return column;
  }

  /** Samples of each second above `bucket`, less their expected number: what moves the percentile when a second is drawn twice. */
  influence(bucket: number, percent: number): Float64Array {
    const share = 1 - percent / 100;
    const below = this.column(bucket);
    return Float64Array.from({ length: this.seconds }, (_, second) => {
      const total = this.totals[second + 1]! - this.totals[second]!;
      return total - (below[second + 1]! - below[second]!) - share * total;
    });
  }

  /** As many entries as there are seconds: a column then costs about as much to begin as to end, and all need no more memory than the entries. */
  get #stride(): number {
    return Math.max(1, this.seconds);
  }

  /** Returns the samples of each second. */
  #addCheckpoints(): Uint32Array {
    const ofSeconds = new Uint32Array(this.seconds);
    const size = this.#counts.length;
    const stride = this.#stride;
    for (let from = 0; from <= size; from += stride) {
      this.#checkpoints.push(ofSeconds.slice());
      this.#addEntries(ofSeconds, from, Math.min(from + stride, size));
    }
    return ofSeconds;
  }

  #addEntries(ofSeconds: Uint32Array, from: number, to: number): void {
    const secondOf = this.#secondOf;
    const counts = this.#counts;
    for (let at = from; at < to; at++) ofSeconds[secondOf[at]!]! += counts[at]!;
  }
}

/** Some runs, each with the blocks of it that were drawn; a run may be there twice. */
export type Resample = Array<{ table: TrendTable; blocks: Blocks }>;

/** Percentiles of merged seconds. */
export class TrendSide {
  readonly tables: TrendTable[];
  readonly count: number;
  /** Occupied buckets of any run, ascending. */
  readonly #buckets: Uint16Array;
  /** Of all samples, those up to and with each of these buckets. */
  readonly #shape: Float64Array;

  constructor(tables: TrendTable[]) {
    this.tables = tables;
    this.count = tables.reduce((sum, table) => sum + table.count, 0);
    const counts = new Float64Array(BUCKETS);
    for (const table of tables) table.addTo(counts);
    this.#buckets = Uint16Array.from([...counts.keys()].filter((bucket) => counts[bucket]! > 0));
    this.#shape = runningSums(Array.from(this.#buckets, (bucket) => counts[bucket]!)).subarray(1);
  }

  /** Bucket of a percentile of all samples. */
  bucketAt(percent: number): number {
    const whole = this.tables.map((table) => ({ table, blocks: wholeOf(table) }));
    return this.#buckets[this.#find(whole, rankOf(percent, this.count), this.#buckets.length >> 1)]!;
  }

  /** Buckets of the percentiles of a resample; -1 when it has no sample. `hints`: where they are likely, as `position` gives them. */
  bucketsOf(resample: Resample, percents: readonly number[], hints: readonly number[], into: Int32Array): void {
    let total = 0;
    for (const { table, blocks } of resample) total += sumOverBlocks(table.totals, blocks);
    for (let i = 0; i < percents.length; i++) {
      into[i] = total === 0 ? -1 : this.#buckets[this.#find(resample, rankOf(percents[i]!, total), hints[i]!)]!;
    }
  }

  position(bucket: number): number {
    return this.#buckets.indexOf(bucket);
  }

  /**
   * The lowest position with at least `rank` samples up to it. A resample has about the shape of the whole: what is missing at
   * one position tells by how far to go on, so that three or four looks are enough; after some more it halves.
   */
  #find(resample: Resample, rank: number, hint: number): number {
    let low = -1;
    let high = this.#buckets.length - 1;
    let at = Math.min(hint, high);
    for (let looks = 0; low + 1 < high; looks++) {
      const seen = this.#upTo(resample, at);
      if (seen >= rank) high = at;
      else low = at;
      const likely = looks > 6 ? (low + high) >> 1 : this.#shapeAt(this.#shape[at]! + rank - seen);
      at = Math.min(Math.max(likely, low + 1), Math.max(low + 1, high - 1));
    }
    return high;
  }

  /** The lowest position up to which all runs together have `count` samples. */
  #shapeAt(count: number): number {
    let low = 0;
    let high = this.#shape.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#shape[middle]! >= count) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #upTo(resample: Resample, position: number): number {
    const bucket = this.#buckets[position]!;
    let sum = 0;
    for (const { table, blocks } of resample) sum += sumOverBlocks(table.column(bucket), blocks);
    return sum;
  }
}

/** The same sample that HdrHistogram's getValueAtPercentile names, and SQL's quantilesExactWeighted. */
function rankOf(percent: number, count: number): number {
  const exact = (percent / 100) * count;
  return Math.max(1, Math.ceil(exact - exact * Number.EPSILON));
}

function wholeOf(table: TrendTable): Blocks {
  return { length: 1, from: Uint32Array.of(0), to: Uint32Array.of(table.seconds) };
}
