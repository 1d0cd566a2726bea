/** Second by second, how delivery fares in a run with faults: what recovery is judged from. */
import type { Clock } from '../clock.ts';
import { MergedHistogram } from '../recorder/histogram.ts';
import type { HistogramRow, SampleBatch } from '../recorder/samples.ts';
import type { FaultProgress } from './fault.ts';
import type { FaultSecond } from './recovery.ts';

interface Observed {
  /** Null once it is known for good what it comes to, as `received` says then: a histogram for every second of hours is much. */
  deliveries: MergedHistogram | null;
  received: Received;
  sendSlip: SlipRow[];
  dropped: number;
  reconnects: number;
  progress: FaultProgress | null;
}

type Received = Pick<FaultSecond, 'delivered' | 'p99Ms' | 'maxMs'>;
type SlipRow = Pick<HistogramRow, 'count' | 'sumUs' | 'minUs' | 'maxUs'> & Record<'values' | 'counts', Uint32Array>;

/** Rows of a second come a moment after it; later than this none does. */
const OPEN_SECONDS = 30;
const NOTHING: Received = { delivered: 0, p99Ms: null, maxMs: null };

export class FaultObserver {
  #clock: Clock;
  #seconds = new Map<number, Observed>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rows of the agents. */
  add(batch: SampleBatch): void {
    for (const row of batch.histograms) this.#addHistogram(row);
    for (const { metric, atMs, value } of batch.counters) {
      if (metric === 'messages_dropped') this.#second(atMs).dropped += value;
      else if (metric === 'reconnects') this.#second(atMs).reconnects += value;
    }
  }

  /** How it stood at the end of the second that has just passed. */
  addProgress(progress: FaultProgress): void {
    const epochMs = this.#clock.toEpochMs(this.#clock.nowMs());
    const second = Math.floor(epochMs / 1_000) * 1_000 - 1_000;
    this.#second(second).progress = { ...progress };
    this.#close(second - OPEN_SECONDS * 1_000);
  }

  /** Whole seconds in order; without those of which it is not known how they stood. */
  seconds(): FaultSecond[] {
    return this.#ordered().flatMap(([epochMs, { deliveries, received, dropped, reconnects, progress }]) => {
      if (progress === null) return [];
      return [
        {
          atMs: this.#clock.fromEpochMs(epochMs),
          connections: progress.connections,
          ...(deliveries === null ? received : receivedOf(deliveries)),
          backlog: Math.max(progress.expected - progress.delivered, 0),
          dropped,
          reconnects,
        },
      ];
    });
  }

  /** p99 of `send_slip` over the seconds of [fromMs, toMs), clock ms, that `counts` lets pass; null: nothing was sent in them. */
  slipP99Ms(fromMs: number, toMs: number, counts: (atMs: number) => boolean): number | null {
    const merged = new MergedHistogram();
    for (const [epochMs, { sendSlip }] of this.#ordered()) {
      const atMs = this.#clock.fromEpochMs(epochMs);
      if (atMs + 1_000 > fromMs && atMs < toMs && counts(atMs)) for (const row of sendSlip) merged.addRow(row);
    }
    return merged.count === 0 ? null : merged.percentile(99) / 1_000;
  }

  #addHistogram(row: HistogramRow): void {
    if (row.metric === 'delivery_latency' || row.metric === 'fanout_latency')
      this.#second(row.atMs).deliveries?.addRow(row);
    else if (row.metric === 'send_slip') this.#second(row.atMs).sendSlip.push(slipRow(row));
  }

  #second(epochMs: number): Observed {
    let second = this.#seconds.get(epochMs);
    if (second === undefined) {
      second = {
        deliveries: new MergedHistogram(),
        received: NOTHING,
        sendSlip: [],
        dropped: 0,
        reconnects: 0,
        progress: null,
      };
      this.#seconds.set(epochMs, second);
    }
    return second;
  }

  #close(epochMs: number): void {
    const second = this.#seconds.get(epochMs);
    if (!second?.deliveries) return;
    second.received = receivedOf(second.deliveries);
    second.deliveries = null;
  }

  #ordered(): Array<[number, Observed]> {
    return [...this.#seconds].sort(([a], [b]) => a - b);
  }
}

function receivedOf(deliveries: MergedHistogram): Received {
  const { count, max } = deliveries;
  return count === 0 ? NOTHING : { delivered: count, p99Ms: deliveries.percentile(99) / 1_000, maxMs: max / 1_000 };
}

function slipRow({ count, sumUs, minUs, maxUs, values, counts }: HistogramRow): SlipRow {
  return { count, sumUs, minUs, maxUs, values: Uint32Array.from(values), counts: Uint32Array.from(counts) };
}
