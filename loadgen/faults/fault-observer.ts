/** Second by second, how delivery fares in a run with faults: what recovery is judged from. */
import type { Clock } from '../clock.ts';
import { MergedHistogram } from '../recorder/histogram.ts';
import type { HistogramRow, SampleBatch } from '../recorder/samples.ts';
import type { FaultProgress } from './fault.ts';
import type { FaultSecond } from './recovery.ts';

interface Observed {
  deliveries: MergedHistogram;
  sendSlip: MergedHistogram;
  dropped: number;
  reconnects: number;
  progress: FaultProgress | null;
}

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
    this.#second(Math.floor(epochMs / 1_000) * 1_000 - 1_000).progress = { ...progress };
  }

  /** Whole seconds in order; without those of which it is not known how they stood. */
  seconds(): FaultSecond[] {
    return this.#ordered().flatMap(([epochMs, { deliveries, dropped, reconnects, progress }]) => {
      if (progress === null) return [];
      const { count } = deliveries;
      return [
        {
          atMs: this.#clock.fromEpochMs(epochMs),
          connections: progress.connections,
          delivered: count,
          backlog: Math.max(progress.expected - progress.delivered, 0),
          p99Ms: count === 0 ? null : deliveries.percentile(99) / 1_000,
          maxMs: count === 0 ? null : deliveries.max / 1_000,
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
      if (atMs + 1_000 > fromMs && atMs < toMs && counts(atMs)) merged.add(sendSlip);
    }
    return merged.count === 0 ? null : merged.percentile(99) / 1_000;
  }

  #addHistogram(row: HistogramRow): void {
    if (row.metric === 'delivery_latency' || row.metric === 'fanout_latency')
      this.#second(row.atMs).deliveries.addRow(row);
    else if (row.metric === 'send_slip') this.#second(row.atMs).sendSlip.addRow(row);
  }

  #second(epochMs: number): Observed {
    let second = this.#seconds.get(epochMs);
    if (second === undefined) {
      second = {
        deliveries: new MergedHistogram(),
        sendSlip: new MergedHistogram(),
        dropped: 0,
        reconnects: 0,
        progress: null,
      };
      this.#seconds.set(epochMs, second);
    }
    return second;
  }

  #ordered(): Array<[number, Observed]> {
    return [...this.#seconds].sort(([a], [b]) => a - b);
  }
}
