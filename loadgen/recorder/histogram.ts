/**
 * HdrHistograms as sparse buckets: 3 significant digits, microseconds, 1 µs to 3,600 s. Merging is adding counts, so that
 * merged rows of any agents and seconds say exactly what one histogram of all their samples would say.
 *
 * Layout (HdrHistogram by Gil Tene, public domain): values below 2,048 have a bucket each; above, each power of two is
 * split in 1,024 buckets. With k = max(0, floor(log2 v) − 10) the index of v is k · 1024 + floor(v ÷ 2^k).
 */
import { deflateSync } from 'node:zlib';
import type { HistogramRow } from './samples.ts';

export const LOWEST_US = 1;
export const HIGHEST_US = 3_600_000_000;
export const SIGNIFICANT_DIGITS = 3;

/** Index of the bucket that holds `valueUs` (a whole number from 0 to HIGHEST_US). */
export function bucketIndex(valueUs: number): number {
  if (valueUs < 2 * HALF) return valueUs;
  const k = 21 - Math.clz32(valueUs);
  return k * HALF + (valueUs >>> k);
}

/** The lowest value of a bucket. */
export function lowestEquivalentValue(index: number): number {
  const k = Math.max(0, Math.floor(index / HALF) - 1);
  return (index - k * HALF) * 2 ** k;
}

/** The highest value of a bucket: what percentiles report. */
export function highestEquivalentValue(index: number): number {
  const k = Math.max(0, Math.floor(index / HALF) - 1);
  return (index - k * HALF + 1) * 2 ** k - 1;
}

/** The occupied buckets of histograms merged so far. Values are microseconds. */
export class MergedHistogram {
  #counts = new Float64Array(0);
  #count = 0;
  #sum = 0;
  #min = Number.POSITIVE_INFINITY;
  #max = 0;

  get count(): number {
    return this.#count;
  }
  /** 0 when empty, as `min`, `max` and `mean` are. */
  get sum(): number {
    return this.#sum;
  }
  get min(): number {
    return this.#count === 0 ? 0 : this.#min;
  }
  get max(): number {
    return this.#max;
  }
  get mean(): number {
    return this.#count === 0 ? 0 : this.#sum / this.#count;
  }

  /** Merge a row. Throws RangeError when a value is not one of a bucket of this layout. */
  addRow(
    row: Pick<HistogramRow, 'count' | 'sumUs' | 'minUs' | 'maxUs'> & Record<'values' | 'counts', ArrayLike<number>>,
  ): void {
    const { values, counts } = row;
    for (let i = values.length - 1; i >= 0; i--) {
      const value = values[i]!;
      const index = Number.isInteger(value) && value >= 0 && value <= LAST_VALUE ? bucketIndex(value) : -1;
      if (index < 0 || highestEquivalentValue(index) !== value)
        throw new RangeError(`${value} µs is not the highest value of a histogram bucket`);
      this.#reserve(index + 1);
      this.#counts[index]! += counts[i]!;
    }
    this.#addTotals(row.count, row.sumUs, row.minUs, row.maxUs);
  }

  /** Merge another histogram. */
  add(other: MergedHistogram): void {
    this.#reserve(other.#counts.length);
    for (let i = 0; i < other.#counts.length; i++) this.#counts[i]! += other.#counts[i]!;
    this.#addTotals(other.#count, other.#sum, other.#min, other.#max);
  }

  /**
   * The value at a percentile, 0–100, in µs: the highest equivalent value of the bucket in which it falls, as
   * HdrHistogram's getValueAtPercentile. 0 when empty.
   */
  percentile(percent: number): number {
    if (this.#count === 0) return 0;
    const exact = (Math.min(percent, 100) / 100) * this.#count;
    // One ulp less, so that rounding up does not skip a sample when the product came out a little too high.
    const wanted = Math.max(Math.ceil(exact - ulp(exact)), 1);
    let seen = 0;
    for (let i = 0; i < this.#counts.length; i++) {
      seen += this.#counts[i]!;
      if (seen >= wanted) return percent === 0 ? lowestEquivalentValue(i) : highestEquivalentValue(i);
    }
    return 0;
  }

  /** Occupied buckets: highest equivalent values, ascending, and their counts. */
  buckets(): { values: number[]; counts: number[] } {
    const values: number[] = [];
    const counts: number[] = [];
    this.#counts.forEach((count, i) => {
      if (count === 0) return;
      values.push(highestEquivalentValue(i));
      counts.push(count);
    });
    return { values, counts };
  }

  /** HdrHistogram's V2 encoding, compressed, in base64: what its other tools read. */
  toBase64(): string {
    const payload = encodeCounts(this.#counts);
    const plain = Buffer.alloc(HEADER_BYTES + payload.length);
    plain.writeUInt32BE(V2_COOKIE, 0);
    plain.writeUInt32BE(payload.length, 4);
    plain.writeUInt32BE(0, 8); // normalizing index offset
    plain.writeUInt32BE(SIGNIFICANT_DIGITS, 12);
    plain.writeBigUInt64BE(BigInt(LOWEST_US), 16);
    plain.writeBigUInt64BE(BigInt(HIGHEST_US), 24);
    plain.writeDoubleBE(1, 32); // integer to double conversion ratio
    plain.set(payload, HEADER_BYTES);
    const deflated = deflateSync(plain);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(V2_COMPRESSED_COOKIE, 0);
    head.writeUInt32BE(deflated.length, 4);
    return Buffer.concat([head, deflated]).toString('base64');
  }

  #addTotals(count: number, sum: number, min: number, max: number): void {
    if (count === 0) return;
    this.#count += count;
    this.#sum += sum;
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
  }

  #reserve(length: number): void {
    if (length <= this.#counts.length) return;
    const grown = new Float64Array(Math.ceil(length / HALF) * HALF);
    grown.set(this.#counts);
    this.#counts = grown;
  }
}

/** Occupied buckets of HdrHistogram's V2 encoding (not compressed). */
export function readEncodedBuckets(encoded: Uint8Array): { values: number[]; counts: number[] } {
  const b = Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const end = HEADER_BYTES + b.readUInt32BE(4);
  const values: number[] = [];
  const counts: number[] = [];
  let index = 0;
  let at = HEADER_BYTES;
  while (at < end) {
    // LEB128: 7 bits a byte, least first; the ninth byte would hold 8. Counts here stay below 2^53.
    let zigzag = 0;
    let scale = 1;
    let byte: number;
    do {
      byte = b[at++]!;
      zigzag += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    // Zigzag: even numbers are counts, odd ones runs of empty buckets.
    if (zigzag % 2 === 1) {
      index += (zigzag + 1) / 2;
      continue;
    }
    if (zigzag > 0) {
      values.push(highestEquivalentValue(index));
      counts.push(zigzag / 2);
    }
    index++;
  }
  return { values, counts };
}

const HALF = 1024;
const HEADER_BYTES = 40;
const V2_COOKIE = 0x1c849303 | 0x10;
const V2_COMPRESSED_COOKIE = 0x1c849304 | 0x10;
const LAST_VALUE = highestEquivalentValue(bucketIndex(HIGHEST_US));

function encodeCounts(counts: Float64Array): Buffer {
  const bytes: number[] = [];
  const put = (zigzag: number) => {
    let rest = zigzag;
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
    bytes.push(rest);
  };
  let zeros = 0;
  for (const count of counts) {
    if (count === 0) {
      zeros++;
      continue;
    }
    // A single empty bucket is written as a count of 0, a run of n as −n; trailing ones are left out.
    if (zeros > 0) put(zeros === 1 ? 0 : 2 * zeros - 1);
    zeros = 0;
    put(2 * count);
  }
  return Buffer.from(bytes);
}

const ulpDouble = new Float64Array(1);
const ulpBits = new BigInt64Array(ulpDouble.buffer);

/** Distance from a positive double to the next greater one. */
function ulp(value: number): number {
  ulpDouble[0] = value;
  ulpBits[0]! += 1n;
  return ulpDouble[0]! - value;
}
