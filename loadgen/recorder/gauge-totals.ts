/** A gauge of several processes as one: what each said last, second by second, put together. */
import type { GaugeName } from './metrics.ts';
import type { GaugeRow } from './samples.ts';

/** A source that has said nothing for this long is gone; a second or two are missing when a process is late. */
const GONE_AFTER_MS = 5_000;

export interface GaugeSecond {
  /** Start of the second, ms since the epoch. */
  atMs: number;
  value: number;
}

/**
 * One value a second that has rows, ascending. Cores, bytes and connections of several sources add up; of delays the worst
 * counts. `connections` are the agents': the server counts the same ones from its end.
 *
 * @param rows of one metric, in any order.
 */
export function gaugeTotals(metric: GaugeName, rows: readonly GaugeRow[]): GaugeSecond[] {
  const bySource = new Map<string, GaugeRow[]>();
  for (const row of rows) {
    const of = bySource.get(row.source);
    if (of) of.push(row);
    else bySource.set(row.source, [row]);
  }
  const agents = [...bySource.keys()].filter((source) => source.startsWith('agent-'));
  const counted = metric === 'connections' && agents.length > 0 ? agents : [...bySource.keys()];
  const sources = counted.map((source) => ascending(bySource.get(source)!));
  const seconds = [...new Set(sources.flat().map(({ atMs }) => wholeSecond(atMs)))].sort((a, b) => a - b);
  const next = sources.map(() => 0);
  return seconds.map((second) => {
    const values = sources.flatMap((of, index) => {
      while (next[index]! < of.length && of[next[index]!]!.atMs < second + 1_000) next[index]!++;
      const latest = of[next[index]! - 1];
      return latest && latest.atMs > second - GONE_AFTER_MS ? [latest.value] : [];
    });
    return { atMs: second, value: together(metric, values) };
  });
}

function together(metric: GaugeName, values: readonly number[]): number {
  return metric.endsWith('_delay') ? Math.max(...values) : values.reduce((sum, value) => sum + value, 0);
}

function ascending(rows: readonly GaugeRow[]): GaugeRow[] {
  return [...rows].sort((a, b) => a.atMs - b.atMs);
}

function wholeSecond(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000;
}
