/** Seconds that are not rolled up, or not with all of their samples: some at a time, what they need is computed from histograms. */
import { clickhouseTime } from './store-client.ts';

/** Of a second's merged histogram ClickHouse keeps up to a quarter of a megabyte, and of many seconds at once. */
const PIECE_SECONDS = 300;

/** `seconds`: since the epoch. Conditions in SQL on `at` that each hold for a few minutes of them, and together for all. */
export function conditionsOf(seconds: readonly number[]): string[] {
  const sorted = [...seconds].sort((a, b) => a - b);
  const conditions: string[] = [];
  for (let at = 0; at < sorted.length; ) {
    const from = sorted[at]!;
    let end = at;
    while (end < sorted.length && sorted[end]! < from + PIECE_SECONDS) end++;
    conditions.push(conditionOf(sorted.slice(at, end)));
    at = end;
  }
  return conditions;
}

/** A range for the primary key; a list only where the range has other seconds in it. */
function conditionOf(seconds: readonly number[]): string {
  const from = seconds[0]!;
  const to = seconds.at(-1)! + 1;
  const time = (second: number): string => `toDateTime64('${clickhouseTime(second * 1000)}', 3, 'UTC')`;
  const range = `at >= ${time(from)} AND at < ${time(to)}`;
  return seconds.length === to - from ? range : `${range} AND toUnixTimestamp(at) IN (${seconds.join(', ')})`;
}
