/**
 * Points of many series in steps that all of them share. A run of any length keeps a bounded number: when there are more steps
 * than a chart shows, two become one.
 */

export interface TimedPoint {
  /** Start of the step, ms since the epoch. */
  atMs: number;
}

/** As many steps as the report's charts have at most, so that one step is one point of a chart. */
const STEPS_MAX = 900;
/** Stay by the second even then: they hold the empty state that memory per connection is measured from. */
const WHOLE_SECONDS = 60;

export class Timeline {
  stepSeconds = 1;
  #originMs: number | null = null;
  #first = 0;
  #last = 0;
  #series: Array<Series<TimedPoint>> = [];

  /** @param join adds the second point to the first, when two become one. */
  series<Point extends TimedPoint>(join: (into: Point, other: Point) => void): Series<Point> {
    const series = new Series<Point>((atMs) => this.stepOf(atMs), join);
    this.#series.push(series as unknown as Series<TimedPoint>);
    return series;
  }

  /** Start of the step that a moment lies in. Steps get longer, in all series, when there would be too many. */
  stepOf(atMs: number): number {
    this.#originMs ??= Math.floor(atMs / 1_000) * 1_000;
    const second = Math.floor((atMs - this.#originMs) / 1_000);
    this.#first = Math.min(this.#first, second);
    this.#last = Math.max(this.#last, second);
    const before = this.stepSeconds;
    while (this.#stepIndex(this.#last) - this.#stepIndex(this.#first) >= STEPS_MAX) this.stepSeconds *= 2;
    if (this.stepSeconds !== before) {
      for (const series of this.#series) series.regroup((each) => this.#startOf(each));
    }
    return this.#startOf(atMs);
  }

  #startOf(atMs: number): number {
    const originMs = this.#originMs!;
    const second = Math.floor((atMs - originMs) / 1_000);
    if (second < WHOLE_SECONDS) return originMs + second * 1_000;
    return originMs + Math.max(this.#stepIndex(second) * this.stepSeconds, WHOLE_SECONDS) * 1_000;
  }

  #stepIndex(second: number): number {
    return Math.floor(second / this.stepSeconds);
  }
}

/** Adds a point where it belongs in the order of time; rows come nearly in order, so that is at the end or close to it. */
export function insertPoint<Point extends TimedPoint>(
  points: Point[],
  point: Point,
  join: (into: Point, other: Point) => void,
): void {
  let at = points.length;
  while (at > 0 && points[at - 1]!.atMs > point.atMs) at--;
  const same = points[at - 1];
  if (same?.atMs === point.atMs) join(same, point);
  else points.splice(at, 0, point);
}

export class Series<Point extends TimedPoint> {
  /** In the order of time; steps without a point are left out. */
  points: Point[] = [];
  #stepOf: (atMs: number) => number;
  #join: (into: Point, other: Point) => void;

  constructor(stepOf: (atMs: number) => number, join: (into: Point, other: Point) => void) {
    this.#stepOf = stepOf;
    this.#join = join;
  }

  /** Takes the point over, at the start of its step. */
  add(point: Point): void {
    point.atMs = this.#stepOf(point.atMs);
    insertPoint(this.points, point, this.#join);
  }

  regroup(stepOf: (atMs: number) => number): void {
    const { points } = this;
    this.points = [];
    for (const point of points) {
      point.atMs = stepOf(point.atMs);
      insertPoint(this.points, point, this.#join);
    }
  }
}
