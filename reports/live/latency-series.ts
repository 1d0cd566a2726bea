/** Latencies of one metric, second by second, of all agents together: exact, and worked out when somebody asks. */
import { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import type { HistogramRow } from '../../loadgen/recorder/samples.ts';
import type { PercentilePoint } from '../report-model.ts';
import { type HeatPoint, heatPointOf, joinHeat } from './heat-series.ts';
import { insertPoint, type Series, type Timeline } from './timeline.ts';

/** Rows of a second are waited for so long: an agent that is silent for longer is given up by the run. */
const OPEN_MS = 20_000;

interface Second {
  point: PercentilePoint;
  heat: HeatPoint;
}

/** A second that may still get more rows. */
interface OpenSecond {
  rows: HistogramRow[];
  /** Of these rows; null: there are new ones. */
  merged: Second | null;
}

export class LatencySeries {
  #timeline: Timeline;
  #percentiles: Series<PercentilePoint>;
  #heat: Series<HeatPoint>;
  #open = new Map<number, OpenSecond>();
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.#percentiles = timeline.series<PercentilePoint>(joinWorst);
    this.#heat = timeline.series<HeatPoint>(joinHeat);
  }

  add(row: HistogramRow): void {
    const atMs = Math.floor(row.atMs / 1_000) * 1_000;
    this.#timeline.stepOf(atMs);
    if (atMs > this.#newestMs) {
      this.#newestMs = atMs;
      this.#closeUntil(atMs - OPEN_MS);
    }
    const second = this.#open.get(atMs);
    if (second !== undefined) {
      second.rows.push(row);
      second.merged = null;
    } else if (atMs > this.#newestMs - OPEN_MS) {
      this.#open.set(atMs, { rows: [row], merged: null });
    } else {
      // The buckets that it would be merged with are gone: the worse of the two is the nearest that can be said.
      this.#close(merge(atMs, [row]));
    }
  }

  percentiles(): PercentilePoint[] {
    return this.#withOpen(this.#percentiles.points, ({ point }) => ({ ...point }), joinWorst);
  }

  heat(): HeatPoint[] {
    return this.#withOpen(this.#heat.points, ({ heat }) => ({ ...heat, rows: heat.rows.slice() }), joinHeat);
  }

  /** All so far. The open seconds come after the closed ones, but may share the last one's step. */
  #withOpen<Point extends { atMs: number }>(
    closed: readonly Point[],
    copyOf: (second: Second) => Point,
    join: (into: Point, other: Point) => void,
  ): Point[] {
    const points = closed.slice();
    const last = points.at(-1);
    for (const [atMs, second] of this.#open) {
      second.merged ??= merge(atMs, second.rows);
      const point = copyOf(second.merged);
      point.atMs = this.#timeline.stepOf(atMs);
      if (point.atMs === last?.atMs && points.at(-1) === last) points[points.length - 1] = structuredClone(last);
      insertPoint(points, point, join);
    }
    return points;
  }

  #closeUntil(untilMs: number): void {
    for (const [atMs, { rows, merged }] of this.#open) {
      if (atMs > untilMs) continue;
      this.#open.delete(atMs);
      this.#close(merged ?? merge(atMs, rows));
    }
  }

  #close({ point, heat }: Second): void {
    this.#percentiles.add(point);
    this.#heat.add(heat);
  }
}

function merge(atMs: number, rows: HistogramRow[]): Second {
  const merged = new MergedHistogram();
  for (const row of rows) merged.addRow(row);
  const ms = (percent: number) => merged.percentile(percent) / 1_000;
  const levels = { p50: ms(50), p90: ms(90), p99: ms(99), p999: ms(99.9), max: merged.max / 1_000 };
  return { point: { atMs, count: merged.count, ...levels }, heat: heatPointOf(atMs, merged) };
}

/** Percentiles can't be added: of two seconds the worse one. */
function joinWorst(into: PercentilePoint, other: PercentilePoint): void {
  into.count += other.count;
  for (const level of ['p50', 'p90', 'p99', 'p999', 'max'] as const) into[level] = Math.max(into[level], other[level]);
}
