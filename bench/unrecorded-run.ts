/**
 * `node unrecorded-run.js SCENARIO TARGET SUMMARY`: what `plimsoll run --target` does with one agent, but for its rows, which
 * are dropped as they come: what a run costs that keeps nothing. Writes an `UnrecordedRun` to SUMMARY.
 */
import { writeFileSync } from 'node:fs';
import { realClock } from '../loadgen/clock.ts';
import { forkAgent } from '../loadgen/control/control-channel-ipc.ts';
import { runLoad } from '../loadgen/coordinator/coordinator.ts';
import { REFERENCE_DRIVER } from '../loadgen/drivers/driver-loader.ts';
import { compileScenario } from '../loadgen/population/load-plan.ts';
import type { RunSummary } from '../loadgen/recorder/summary.ts';
import { loadScenario } from '../loadgen/scenario-loader.ts';

export interface UnrecordedRun {
  summary: RunSummary;
  /** Loop delay of the agent, ms, second by second. */
  loopDelays: Array<{ atMs: number; value: number }>;
}

const [scenario, target, place] = process.argv.slice(2) as [string, string, string];
const { scenario: checked, samples } = await loadScenario(scenario);
const plan = compileScenario(checked, { agents: 1 }, samples);
const loopDelays: UnrecordedRun['loopDelays'] = [];
let rows = 0;

const summary = await runLoad({
  plan,
  target,
  node: { shards: 0, store: 'memory:', durability: 'none' },
  storeDirectory: null,
  driver: REFERENCE_DRIVER,
  authSecret: null,
  agents: 1,
  startAgent: forkAgent,
  runId: 'unrecorded',
  name: plan.name,
  tags: {},
  clock: realClock,
  sink: {
    write({ histograms, counters, gauges }) {
      rows += histograms.length + counters.length + gauges.length;
      for (const { metric, atMs, value } of gauges) if (metric === 'agent_loop_delay') loopDelays.push({ atMs, value });
    },
    settle: async () => ({ recorded: rows, stored: rows }),
  },
  judgeThresholds: false,
  onReady: async () => {},
  onProgress: () => {},
  onNotice: (text) => console.error(text),
  signal: new AbortController().signal,
});
writeFileSync(place, JSON.stringify({ summary, loopDelays } satisfies UnrecordedRun));
process.exit();
