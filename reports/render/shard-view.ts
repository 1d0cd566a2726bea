/** How evenly the server's shard processes were loaded, from what each of them reported. */
import type { GaugeName } from '../../loadgen/recorder/metrics.ts';
import type { ReportModel } from '../report-model.ts';
import { formatBytes, formatCount, formatMs, formatNumber, formatRate } from './format.ts';

export interface ShardMeasure {
  label: string;
  /** What the figures are: a mean, a peak. */
  note: string;
  /** One a shard, in their order; null: it did not report. */
  values: Array<number | null>;
  format: (value: number) => string;
  /** Highest ÷ mean − 1; null where that says nothing: a single value, or all of them next to none. */
  excess: number | null;
}

export interface ShardBalance {
  /** `shard-0`, … */
  shards: string[];
  measures: ShardMeasure[];
}

type Points = Array<{ atMs: number; value: number }>;

/** Null where fewer than two shards reported: there is nothing to compare. */
export function shardBalance(model: ReportModel): ShardBalance | null {
  const shards = [
    ...new Set(
      Object.values(model.gauges).flatMap((sources) => Object.keys(sources).filter((name) => SHARD.test(name))),
    ),
  ].sort((a, b) => shardNumber(a) - shardNumber(b));
  if (shards.length < 2) return null;
  const steady = model.summary?.phases.find(({ phase }) => phase === 'steady');
  const within = ({ atMs }: Points[number]) => steady === undefined || (atMs >= steady.startMs && atMs < steady.endMs);
  const measure = (
    gauge: GaugeName,
    label: string,
    note: string,
    reduce: (points: Points) => number,
    format: (value: number) => string,
  ): ShardMeasure => {
    const values = shards.map((shard) => {
      const points = model.gauges[gauge]?.[shard] ?? [];
      const chosen = points.some(within) ? points.filter(within) : points;
      return chosen.length === 0 ? null : reduce(chosen);
    });
    return { label, note, values, format, excess: excessOf(values) };
  };
  const measures = [
    measure('connections', 'Connections', 'mean', mean, formatCount),
    measure('server_messages', 'Messages', 'mean, taken from users', mean, formatRate),
    measure('server_cpu', 'CPU', 'mean', mean, (value) => `${formatNumber(value)} cores`),
    measure('server_rss_bytes', 'Memory', 'highest', highest, formatBytes),
    measure('server_loop_delay', 'Loop delay', 'worst second', highest, formatMs),
  ].filter(({ values }) => values.some((value) => value !== null));
  return { shards, measures };
}

/** What of the load was even and what was not, by how far the busiest shard stands above the mean. */
export function balanceSentences({ measures }: ShardBalance): string[] {
  return measures.flatMap(({ label, excess, values, format }) => {
    if (excess === null || !LOAD.has(label)) return [];
    const known = values.filter((value) => value !== null);
    const spread = excess <= EVEN ? 'evenly' : 'unevenly';
    const range = `${format(Math.min(...known))} to ${format(Math.max(...known))}`;
    return [`${label} spread ${spread}: ${range}, the busiest shard ${formatNumber(100 * excess)}% above the mean.`];
  });
}

/** What a shard is given to do; memory and delays follow from that. */
const LOAD = new Set(['Connections', 'Messages', 'CPU']);

const SHARD = /^shard-\d+$/;

/** An excess up to this is what chance and measuring do. */
const EVEN = 0.15;

function shardNumber(name: string): number {
  return Number(name.slice('shard-'.length));
}

function excessOf(values: Array<number | null>): number | null {
  const known = values.filter((value) => value !== null);
  const sum = known.reduce((total, value) => total + value, 0);
  return known.length < 2 || !(sum > 0) ? null : Math.max(...known) / (sum / known.length) - 1;
}

function mean(points: Points): number {
  return points.reduce((sum, { value }) => sum + value, 0) / points.length;
}

function highest(points: Points): number {
  return points.reduce((max, { value }) => Math.max(max, value), Number.NEGATIVE_INFINITY);
}
