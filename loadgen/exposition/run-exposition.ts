/** What `plimsoll run --metrics` answers while the run lasts. */
import type { RunSnapshot } from '../coordinator/progress.ts';
import type { GaugeName } from '../recorder/metrics.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import { figuresOfSecond, type SecondFigures } from './agent-figures.ts';
import { LatencyBuckets, latencyFamily } from './latency-buckets.ts';
import { gaugeFamily, type Labelled, phaseFamily, progressFamilies } from './load-families.ts';
import type { MetricFamily } from './prometheus-text.ts';

const PHASES = ['start', 'connect', 'warm-up', 'steady', 'drain', 'finish'];
const SOURCE_GAUGES: Array<{ metric: GaugeName; name: string; help: string; unit: number }> = [
  { metric: 'agent_cpu', name: 'agent_cpu_cores', help: 'Cores used by an agent.', unit: 1 },
  { metric: 'agent_rss_bytes', name: 'agent_resident_memory_bytes', help: 'Resident memory of an agent.', unit: 1 },
  {
    ...{ metric: 'agent_loop_delay', name: 'agent_loop_delay_p99_seconds', unit: 1e-3 },
    help: 'Event-loop delay p99 of an agent in the last second.',
  },
  { metric: 'server_cpu', name: 'server_cpu_cores', help: 'Cores used by a server process.', unit: 1 },
];

export class RunExposition {
  readonly #run: { runId: string; scenario: string };
  #snapshot: RunSnapshot | null = null;
  #gauges = new Map<string, number>();
  #slip = new Map<string, SecondFigures['sendSlipP99Ms']>();
  #delivery = new LatencyBuckets();

  constructor(run: { runId: string; scenario: string }) {
    this.#run = run;
  }

  show(snapshot: RunSnapshot): void {
    this.#snapshot = snapshot;
  }

  /** Rows of a process, as they come. */
  add(batch: SampleBatch): void {
    for (const row of batch.histograms) if (row.metric === 'delivery_latency') this.#delivery.add(row);
    for (const { metric, source, value } of batch.gauges) this.#gauges.set(`${metric} ${source}`, value);
    // Only an agent measures its own CPU; its rows of a second come together.
    const agent = batch.gauges.find(({ metric }) => metric === 'agent_cpu')?.source;
    if (agent !== undefined) this.#slip.set(agent, figuresOfSecond(batch).sendSlipP99Ms);
  }

  families(): MetricFamily[] {
    const { runId, scenario } = this.#run;
    const info: MetricFamily = {
      ...{ name: 'plimsoll_run_info', type: 'gauge', help: '1; the labels say which run this is.' },
      samples: [{ labels: { run: runId, scenario }, value: 1 }],
    };
    const delivery = latencyFamily(
      'plimsoll_run_delivery_latency_seconds',
      'From the intended send time to the other user’s device.',
      [{ labels: {}, value: this.#delivery.figures() }],
    );
    return [info, ...(this.#snapshot ? snapshotFamilies(this.#snapshot) : []), delivery, ...this.#sourceFamilies()];
  }

  #sourceFamilies(): MetricFamily[] {
    const gauges = SOURCE_GAUGES.map(({ metric, name, help, unit }) => {
      const start = `${metric} `;
      const found = [...this.#gauges].filter(([key]) => key.startsWith(start));
      const samples = found.map(([key, value]) => of(key.slice(start.length), value * unit));
      return gaugeFamily(`plimsoll_run_${name}`, help, samples);
    });
    const slips = [...this.#slip].map(([source, ms]) => of(source, ms === null ? null : ms / 1_000));
    const help = 'From the intended to the actual send time of an agent, p99 of the last second.';
    return [...gauges, gaugeFamily('plimsoll_run_agent_send_slip_p99_seconds', help, slips)];
  }
}

function snapshotFamilies(snapshot: RunSnapshot): MetricFamily[] {
  const { phase, progress, connectionsRequested, rateOffered, recent } = snapshot;
  const one = <Value>(value: Value): Array<Labelled<Value>> => [{ labels: {}, value }];
  const seconds = (ms: number | null): Array<Labelled<number | null>> => one(ms === null ? null : ms / 1_000);
  return [
    phaseFamily('plimsoll_run', PHASES, one(phase)),
    ...progressFamilies('plimsoll_run', one(progress)),
    gaugeFamily('plimsoll_run_connections_requested', 'Connections asked for.', one(connectionsRequested)),
    gaugeFamily('plimsoll_run_offered_messages_per_second', 'Messages per second asked for.', one(rateOffered)),
    gaugeFamily(
      'plimsoll_run_delivery_latency_p50_seconds',
      'Delivery latency, median of the last five seconds.',
      seconds(recent.deliveryP50Ms),
    ),
    gaugeFamily(
      'plimsoll_run_delivery_latency_p99_seconds',
      'Delivery latency, p99 of the last five seconds.',
      seconds(recent.deliveryP99Ms),
    ),
  ];
}

function of<Value>(source: string, value: Value): Labelled<Value> {
  return { labels: { source }, value };
}
