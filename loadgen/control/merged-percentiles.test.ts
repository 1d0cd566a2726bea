import fc from 'fast-check';
import { build } from 'hdr-histogram-js';
import { expect, it } from 'vitest';
import { VirtualClock } from '../clock.ts';
import { HIGHEST_US, SIGNIFICANT_DIGITS } from '../recorder/histogram.ts';
import { IntervalRecorder } from '../recorder/interval-recorder.ts';
import { RunMetrics } from '../recorder/run-metrics.ts';
import type { FromAgent, ToAgent } from './control-channel.ts';
import { ControlStream } from './control-stream.ts';

const AGENTS = 8;
const SECONDS = 3;
const PERCENTS = [0.001, 1, 10, 50, 75, 90, 95, 99, 99.9, 99.99, 100];

/** A channel over a wire of small frames that loses some of them. */
function openChannel(clock: VirtualClock, heard: (message: FromAgent) => void) {
  let frames = 0;
  const wire = (other: () => { receive(frame: Uint8Array): void }) => ({
    maxFrameBytes: 200,
    transmit: (frame: Uint8Array) => {
      if (++frames % 5 !== 0) clock.after(1, () => other().receive(frame));
    },
  });
  const agent: ControlStream<FromAgent, ToAgent> = new ControlStream(
    wire(() => coordinator),
    clock,
    60_000,
  );
  const coordinator: ControlStream<ToAgent, FromAgent> = new ControlStream(
    wire(() => agent),
    clock,
    60_000,
  );
  coordinator.onMessage(heard);
  return agent;
}

const sample = fc.record({
  us: fc.oneof(fc.integer({ min: 1, max: 50_000 }), fc.integer({ min: 1, max: HIGHEST_US })),
  agent: fc.nat(AGENTS - 1),
  second: fc.nat(SECONDS - 1),
});

it('percentiles of 8 agents, merged behind the control channel, are those of all samples in one histogram', () => {
  const recorders = Array.from({ length: AGENTS }, (_, i) => new IntervalRecorder(`agent-${i}`));
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1, maxLength: 200 }), (samples) => {
      const clock = new VirtualClock();
      const metrics = new RunMetrics([]);
      const agents = recorders.map(() =>
        openChannel(clock, (message) => {
          if (message.type === 'tick') metrics.add(message.samples!);
        }),
      );
      for (let second = 0; second < SECONDS; second++) {
        recorders.forEach((recorder, i) => {
          for (const { us, agent, second: at } of samples) {
            if (agent === i && at === second) recorder.record('delivery_latency', 'steady', us / 1_000);
          }
          const batch = { histograms: recorder.swap(second * 1_000), counters: [], gauges: [] };
          agents[i]!.send({ type: 'tick', samples: batch } as unknown as FromAgent);
        });
      }
      clock.advance(120_000);

      const whole = build({
        bitBucketSize: 64,
        highestTrackableValue: HIGHEST_US,
        numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
      });
      for (const { us } of samples) whole.recordValue(us);
      const merged = metrics.histogram('delivery_latency', 'steady')!;
      expect(merged.count).toBe(samples.length);
      expect(PERCENTS.map((percent) => merged.percentile(percent))).toEqual(
        PERCENTS.map((percent) => whole.getValueAtPercentile(percent)),
      );
      for (const agent of agents) agent.leave('');
    }),
    { numRuns: 40 },
  );
});
