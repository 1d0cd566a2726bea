/** Takes the rows of a run for what became of each second of it, and keeps nothing else. */
import type { SampleSink } from '../coordinator/run-options.ts';
import { MergedHistogram } from '../recorder/histogram.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import type { StairSecond } from './stairs.ts';

export class SecondsSink implements SampleSink {
  readonly #changed: (seconds: StairSecond[]) => void;
  readonly #seconds = new Map<number, { sent: number; delivered: number; dropped: number; slip: MergedHistogram }>();
  #rows = 0;

  /** @param changed called with all whole seconds so far, after every batch that has messages */
  constructor(changed: (seconds: StairSecond[]) => void = () => {}) {
    this.#changed = changed;
  }

  /** In the order of time; without those in which nothing was to be sent. */
  get seconds(): StairSecond[] {
    return [...this.#seconds.entries()]
      .sort(([a], [b]) => a - b)
      .map(([atMs, { slip, ...counts }]) => ({ atMs, ...counts, slipP99Ms: slip.percentile(99) / 1_000 }));
  }

  write({ histograms, counters, gauges }: SampleBatch): void {
    this.#rows += histograms.length + counters.length + gauges.length;
    for (const { atMs, metric, value } of counters) {
      if (metric === 'messages_sent') this.#at(atMs).sent += value;
      else if (metric === 'messages_delivered') this.#at(atMs).delivered += value;
      else if (metric === 'messages_dropped') this.#at(atMs).dropped += value;
    }
    for (const row of histograms) if (row.metric === 'send_slip') this.#at(row.atMs).slip.addRow(row);
    if (counters.length > 0) this.#changed(this.seconds);
  }

  async settle(): Promise<{ recorded: number; stored: number }> {
    return { recorded: this.#rows, stored: this.#rows };
  }

  #at(atMs: number): { sent: number; delivered: number; dropped: number; slip: MergedHistogram } {
    let second = this.#seconds.get(atMs);
    if (second === undefined) {
      second = { sent: 0, delivered: 0, dropped: 0, slip: new MergedHistogram() };
      this.#seconds.set(atMs, second);
    }
    return second;
  }
}
