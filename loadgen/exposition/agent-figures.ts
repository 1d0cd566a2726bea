/** What an agent tells, second by second, to the process that started it, for whoever scrapes that. */
import type { AgentProgress, AgentUsage, CoordinatorLink, FromAgent, ToAgent } from '../control/control-channel.ts';
import { MergedHistogram } from '../recorder/histogram.ts';
import type { GaugeName } from '../recorder/metrics.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import { LatencyBuckets, type LatencyFigures } from './latency-buckets.ts';

export const AGENT_PHASES = ['prepare', 'connect', 'load', 'drain', 'finish'] as const;

export type AgentPhase = (typeof AGENT_PHASES)[number];

export interface AgentFigures {
  phase: AgentPhase;
  progress: AgentProgress;
  usage: AgentUsage;
  second: SecondFigures;
  /** Delivery latency at this agent since the beginning of the run. */
  delivery: LatencyFigures;
}

/** Of the last second. */
export interface SecondFigures {
  /** From the intended to the actual send time, p99 in ms; null: nothing was sent. */
  sendSlipP99Ms: number | null;
  /** Cores. */
  cpu: number | null;
  /** Event-loop delay, p99 in ms. */
  loopDelayP99Ms: number | null;
}

const PHASE_AFTER: Partial<Record<ToAgent['type'], AgentPhase>> = {
  prepare: 'prepare',
  connect: 'connect',
  load: 'load',
  drain: 'drain',
  finish: 'finish',
};

/** The same link, that also tells of each second. */
export function tellingFigures(link: CoordinatorLink, tell: (figures: AgentFigures) => void): CoordinatorLink {
  let phase: AgentPhase = 'prepare';
  const delivery = new LatencyBuckets();
  return {
    ...link,
    send(message: FromAgent): void {
      link.send(message);
      if (message.type !== 'tick' || message.samples === null) return;
      const { progress, usage, samples } = message;
      for (const row of samples.histograms) if (row.metric === 'delivery_latency') delivery.add(row);
      tell({ phase, progress, usage, second: figuresOfSecond(samples), delivery: delivery.figures() });
    },
    onMessage(handler): void {
      link.onMessage((message) => {
        phase = PHASE_AFTER[message.type] ?? phase;
        handler(message);
      });
    },
  };
}

/** Of the rows of one agent and second. */
export function figuresOfSecond({ histograms, gauges }: SampleBatch): SecondFigures {
  const slip = new MergedHistogram();
  for (const row of histograms) if (row.metric === 'send_slip') slip.addRow(row);
  const last = (name: GaugeName): number | null => gauges.findLast(({ metric }) => metric === name)?.value ?? null;
  return {
    sendSlipP99Ms: slip.count === 0 ? null : slip.percentile(99) / 1_000,
    cpu: last('agent_cpu'),
    loopDelayP99Ms: last('agent_loop_delay'),
  };
}
