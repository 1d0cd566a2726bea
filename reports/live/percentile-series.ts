/** Percentiles of one metric, second by second, of all agents together: exact, and computed when somebody asks. */
import { MergedHistogram } from '../../loadgen/recorder/histogram.ts';
import type { HistogramRow } from '../../loadgen/recorder/samples.ts';
import type { PercentilePoint } from '../report-model.ts';
import { insertPoint, type Series, type Timeline } from './timeline.ts';

/** Rows of a second are waited for so long: an agent that is silent for longer is given up by the run. */
const OPEN_MS = 20_000;

/** A second that may still get more rows. */
interface OpenSecond {
  rows: HistogramRow[];
  /** Of these rows; null: there are new ones. */
  point: PercentilePoint | null;
}

export class PercentileSeries {
  #timeline: Timeline;
  #closed: Series<PercentilePoint>;
  #open = new Map<number, OpenSecond>();
  #newestMs = Number.NEGATIVE_INFINITY;

  constructor(timeline: Timeline) {
    this.#timeline = timeline;
    this.#closed = timeline.series<PercentilePoint>(joinWorst);
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
      second.point = null;
    } else if (atMs > this.#newestMs - OPEN_MS) {
      this.#open.set(atMs, { rows: [row], point: null });
    } else {
      // The buckets that it would be merged with are gone: the worse of the two is the nearest that can be said.
      this.#closed.add(pointOf(atMs, [row]));
    }
  }

  /** All so far. The open seconds come after the closed ones, but may share the last one's step. */
  points(): PercentilePoint[] {
    const points = this.#closed.points.slice();
    if (points.length > 0) points.push({ ...points.pop()! });
    for (const [atMs, second] of this.#open) {
      second.point ??= pointOf(atMs, second.rows);
      insertPoint(points, { ...second.point, atMs: this.#timeline.stepOf(atMs) }, joinWorst);
    }
    return points;
  }

  #closeUntil(untilMs: number): void {
    for (const [atMs, { rows, point }] of this.#open) {
      if (atMs > untilMs) continue;
      this.#open.delete(atMs);
      this.#closed.add(point ?? pointOf(atMs, rows));
    }
  }
}

function pointOf(atMs: number, rows: HistogramRow[]): PercentilePoint {
  const merged = new MergedHistogram();
  for (const row of rows) merged.addRow(row);
  const ms = (percent: number) => merged.percentile(percent) / 1_000;
  return { atMs, count: merged.count, p50: ms(50), p90: ms(90), p99: ms(99), p999: ms(99.9), max: merged.max / 1_000 };
}

/** Percentiles can't be added: of two seconds the worse one. */
function joinWorst(into: PercentilePoint, other: PercentilePoint): void {
  into.count += other.count;
  for (const level of ['p50', 'p90', 'p99', 'p999', 'max'] as const) into[level] = Math.max(into[level], other[level]);
}
