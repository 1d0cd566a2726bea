/**
 * Records samples of one process into HdrHistograms, one per metric, phase and stream, and hands them over once a second.
 * Recording takes a map look-up and a WebAssembly call: some 50 ns.
 */
import { build, type Histogram, initWebAssemblySync } from 'hdr-histogram-js';
import { HIGHEST_US, LOWEST_US, readEncodedBuckets, SIGNIFICANT_DIGITS } from './histogram.ts';
import type { TrendName } from './metrics.ts';
import type { HistogramRow, Phase } from './samples.ts';

export class IntervalRecorder {
  readonly #source: string;
  readonly #scenarios: readonly string[];
  /** By stream + 1; the first is of samples that belong to none. */
  readonly #streams: Stream[];
  #outOfRange = 0;

  /**
   * @param source who records: `agent-0`, …
   * @param scenarios names of the streams; none where there is only one.
   */
  constructor(source: string, scenarios: readonly string[] = []) {
    initWebAssemblySync();
    this.#source = source;
    this.#scenarios = scenarios;
    this.#streams = Array.from({ length: scenarios.length + 1 }, newStream);
  }

  /** Samples so far that were not a duration from 0 to 3,600 s; recorded as the nearest one (NaN: not recorded). */
  get outOfRange(): number {
    return this.#outOfRange;
  }

  /**
   * Record a duration in milliseconds with fractions. Below 1 µs counts as 1 µs.
   *
   * @param stream index of its name in `scenarios`; −1: of none.
   */
  record(metric: TrendName, phase: Phase, ms: number, stream = -1): void {
    let us = Math.round(ms * 1000);
    if (!(us >= LOWEST_US && us <= HIGHEST_US)) {
      if (!(ms >= 0 && us <= HIGHEST_US)) this.#outOfRange++;
      if (Number.isNaN(us)) return;
      us = us < LOWEST_US ? LOWEST_US : HIGHEST_US;
    }
    const intervals = this.#streams[stream + 1]![phase];
    const interval = intervals.get(metric) ?? create(metric, intervals);
    interval.histogram.recordValue(us);
    interval.count++;
    interval.sum += us;
    if (us < interval.min) interval.min = us;
    if (us > interval.max) interval.max = us;
  }

  /** What was recorded since the last call, as rows of the second that starts at `atMs`; empty histograms are left out. */
  swap(atMs: number): HistogramRow[] {
    const rows: HistogramRow[] = [];
    this.#streams.forEach((stream, index) => {
      const scenario = this.#scenarios[index - 1];
      for (const [phase, intervals] of Object.entries(stream) as [Phase, Map<TrendName, Interval>][]) {
        for (const [metric, interval] of intervals) {
          if (interval.count === 0) continue;
          const { count, sum: sumUs, min: minUs, max: maxUs } = interval;
          const buckets = readEncodedBuckets(interval.encode());
          const row = { atMs, source: this.#source, metric, phase, count, sumUs, minUs, maxUs, ...buckets };
          rows.push(scenario === undefined ? row : { ...row, scenario });
          interval.reset();
        }
      }
    });
    return rows;
  }

  /** Free the memory of the histograms, which no garbage collector sees. What was not swapped is lost. */
  close(): void {
    for (const intervals of this.#streams.flatMap((stream) => Object.values(stream))) {
      for (const interval of intervals.values()) interval.histogram.destroy();
      intervals.clear();
    }
  }
}

type Stream = Record<Phase, Map<TrendName, Interval>>;

function newStream(): Stream {
  return { connect: new Map(), 'warm-up': new Map(), steady: new Map(), drain: new Map() };
}

function create(metric: TrendName, intervals: Map<TrendName, Interval>): Interval {
  const interval = new Interval();
  intervals.set(metric, interval);
  return interval;
}

/** One histogram, reused from second to second, with what it does not keep exactly. */
class Interval {
  readonly histogram: Histogram = build({
    useWebAssembly: true,
    bitBucketSize: 32,
    autoResize: false,
    lowestDiscernibleValue: LOWEST_US,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
  });
  count = 0;
  sum = 0;
  min = Number.POSITIVE_INFINITY;
  max = 0;

  encode(): Uint8Array {
    return (this.histogram as Histogram & { encode(): Uint8Array }).encode();
  }

  reset(): void {
    this.histogram.reset();
    this.count = 0;
    this.sum = 0;
    this.min = Number.POSITIVE_INFINITY;
    this.max = 0;
  }
}
