/** A sink of rows that somebody else looks at as well. */
import type { SampleSink } from '../coordinator/run-options.ts';
import type { SampleBatch } from '../recorder/samples.ts';

/** @param also is called with each batch, after the sink has it; it must not keep or change it. */
export function teeSink(sink: SampleSink, also: (batch: SampleBatch) => void): SampleSink {
  return {
    write(batch) {
      sink.write(batch);
      also(batch);
    },
    settle: () => sink.settle(),
    hold: (hold) => sink.hold?.(hold),
  };
}
