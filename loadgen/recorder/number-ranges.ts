/**
 * Sets of whole numbers as ascending, disjoint, non-adjacent ranges in a flat list [from, to, from, to, …], both inclusive.
 * Small where numbers come in runs, whatever their count.
 */

export type NumberRanges = number[];

export function countNumbers(ranges: NumberRanges): number {
  let count = 0;
  for (let i = 0; i < ranges.length; i += 2) count += ranges[i + 1]! - ranges[i]! + 1;
  return count;
}

/** Add n in place; false when it was there already. */
export function addNumber(ranges: NumberRanges, n: number): boolean {
  // Position of the first range that ends at n − 1 or later.
  let i = ranges.length;
  while (i > 0 && ranges[i - 1]! >= n - 1) i -= 2;
  if (i === ranges.length || ranges[i]! > n + 1) {
    ranges.splice(i, 0, n, n);
    return true;
  }
  if (ranges[i]! <= n && n <= ranges[i + 1]!) return false;
  if (n === ranges[i]! - 1) {
    ranges[i] = n;
    return true;
  }
  ranges[i + 1] = n;
  if (ranges[i + 2] === n + 1) ranges.splice(i + 1, 2);
  return true;
}

/** Remove n in place; false when it was not there. */
export function removeNumber(ranges: NumberRanges, n: number): boolean {
  for (let i = 0; i < ranges.length && ranges[i]! <= n; i += 2) {
    const to = ranges[i + 1]!;
    if (n > to) continue;
    const from = ranges[i]!;
    if (from === to) ranges.splice(i, 2);
    else if (n === from) ranges[i] = n + 1;
    else if (n === to) ranges[i + 1] = n - 1;
    else ranges.splice(i + 1, 0, n - 1, n + 1);
    return true;
  }
  return false;
}

/** Numbers in both. */
export function intersect(a: NumberRanges, b: NumberRanges): NumberRanges {
  const both: NumberRanges = [];
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    const from = Math.max(a[i]!, b[k]!);
    const to = Math.min(a[i + 1]!, b[k + 1]!);
    if (from <= to) both.push(from, to);
    if (a[i + 1]! < b[k + 1]!) i += 2;
    else k += 2;
  }
  return both;
}

/** Numbers in a and not in b. */
export function subtract(a: NumberRanges, b: NumberRanges): NumberRanges {
  const rest: NumberRanges = [];
  let k = 0;
  for (let i = 0; i < a.length; i += 2) {
    let from = a[i]!;
    const to = a[i + 1]!;
    while (k < b.length && b[k + 1]! < from) k += 2;
    for (let m = k; m < b.length && b[m]! <= to; m += 2) {
      if (b[m]! > from) rest.push(from, b[m]! - 1);
      from = b[m + 1]! + 1;
    }
    if (from <= to) rest.push(from, to);
  }
  return rest;
}
