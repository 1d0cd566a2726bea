/** What `plimsoll agent --metrics` answers: one series for each agent that it offers. */
import { AGENT_PHASES, type AgentFigures } from './agent-figures.ts';
import { latencyFamily } from './latency-buckets.ts';
import { gaugeFamily, type Labelled, phaseFamily, progressFamilies } from './load-families.ts';
import type { MetricFamily } from './prometheus-text.ts';

export interface AgentStatus {
  /** Null: it waits for one. */
  runId: string | null;
  /** Null: it waits, or has not told any yet. */
  figures: AgentFigures | null;
}

/** Counters are those of the run under way: with the next one they begin anew. */
export function agentFamilies(agents: readonly AgentStatus[]): MetricFamily[] {
  const labelsOf = (index: number): Record<string, string> => ({ agent: String(index) });
  const busy = agents.flatMap(
    ({ figures }, index): Array<Labelled<AgentFigures>> =>
      figures === null ? [] : [{ labels: labelsOf(index), value: figures }],
  );
  const read = (figure: (figures: AgentFigures) => number | null): Array<Labelled<number | null>> =>
    busy.map(({ labels, value }) => ({ labels, value: figure(value) }));
  const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1_000);
  return [
    {
      name: 'plimsoll_agent_busy',
      type: 'gauge',
      help: '1 while the agent takes part in a run.',
      samples: agents.map(({ runId }, index) => ({ labels: labelsOf(index), value: Number(runId !== null) })),
    },
    {
      name: 'plimsoll_agent_run_info',
      type: 'gauge',
      help: '1; the label says which run the agent takes part in.',
      samples: agents.flatMap(({ runId }, index) =>
        runId === null ? [] : [{ labels: { ...labelsOf(index), run: runId }, value: 1 }],
      ),
    },
    phaseFamily(
      'plimsoll_agent',
      AGENT_PHASES,
      busy.map(({ labels, value }) => ({ labels, value: value.phase })),
    ),
    ...progressFamilies(
      'plimsoll_agent',
      busy.map(({ labels, value }) => ({ labels, value: value.progress })),
    ),
    {
      name: 'plimsoll_agent_cpu_seconds_total',
      type: 'counter',
      help: 'CPU time of the agent’s process.',
      samples: busy.map(({ labels, value }) => ({ labels, value: value.usage.cpuSeconds })),
    },
    gaugeFamily(
      'plimsoll_agent_resident_memory_bytes',
      'Resident memory.',
      read(({ usage }) => usage.rssBytes),
    ),
    gaugeFamily(
      'plimsoll_agent_loop_delay_p99_seconds',
      'Event-loop delay p99 of the last second.',
      read(({ second }) => seconds(second.loopDelayP99Ms)),
    ),
    gaugeFamily(
      'plimsoll_agent_send_slip_p99_seconds',
      'From the intended to the actual send time, p99 of the last second.',
      read(({ second }) => seconds(second.sendSlipP99Ms)),
    ),
    latencyFamily(
      'plimsoll_agent_delivery_latency_seconds',
      'From the intended send time to the other user’s device, of messages that arrived at the agent.',
      busy.map(({ labels, value }) => ({ labels, value: value.delivery })),
    ),
  ];
}
