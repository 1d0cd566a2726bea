/**
 * Each agent's exact share of a run (the idea of k6's execution segments): shares are disjoint, leave nothing out, and
 * differ by at most one. Pure.
 */

/** Part `index` (from 0) of `of` equal parts. */
export interface Segment {
  index: number;
  of: number;
}

/** Indexes from `first` up to, not including, `end`. */
export interface IndexRange {
  first: number;
  end: number;
}

/** All segments of a run with this many agents. Throws RangeError for less than one. */
export function allSegments(of: number): Segment[] {
  if (!Number.isSafeInteger(of) || of < 1) throw new RangeError(`a run needs at least one segment, not ${of}`);
  return Array.from({ length: of }, (_, index) => ({ index, of }));
}

/** The users (or whatever is numbered 0 … total − 1) of a segment: contiguous, from ⌊total·i ÷ n⌋. */
export function segmentRange(total: number, segment: Segment): IndexRange {
  return { first: boundary(total, segment.index, segment.of), end: boundary(total, segment.index + 1, segment.of) };
}

/** A segment's share of a whole number; the shares sum to it exactly. */
export function segmentCount(total: number, segment: Segment): number {
  const range = segmentRange(total, segment);
  return range.end - range.first;
}

/**
 * A segment's share of a rate, in events/s. Rates are cut in whole micro-events/s, so that the shares, in that unit, sum to
 * the rate exactly (`Math.round(share * 1e6)` gives the unit).
 */
export function segmentRate(rate: number, segment: Segment): number {
  return segmentCount(Math.round(rate * 1e6), segment) / 1e6;
}

/** The segment that has index `item` of `total`. */
export function segmentOf(item: number, total: number, of: number): number {
  return Number(((BigInt(item) + 1n) * BigInt(of) - 1n) / BigInt(total));
}

/** ⌊total·i ÷ n⌋, in whole-number arithmetic where the product would exceed 2^53. */
function boundary(total: number, index: number, of: number): number {
  const product = total * index;
  return Number.isSafeInteger(product)
    ? Math.floor(product / of)
    : Number((BigInt(total) * BigInt(index)) / BigInt(of));
}
