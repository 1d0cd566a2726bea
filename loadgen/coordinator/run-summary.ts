/** The summary of a run, from all that was measured. */
import { cpus, hostname } from 'node:os';
import type { ConnectReport } from '../control/control-channel.ts';
import type { HttpLoad } from '../http-load/http-load.ts';
import { HTTP_SOURCE } from '../http-load/http-load-messages.ts';
import type { LoadPlan } from '../population/load-plan.ts';
import type { Reconciliation } from '../recorder/delivery-ledger.ts';
import type { GaugeName } from '../recorder/metrics.ts';
import type { RunMetrics } from '../recorder/run-metrics.ts';
import type { RunSummary, ThresholdResult } from '../recorder/summary.ts';
import { PLIMSOLL_VERSION } from '../version.ts';
import type { AgentGroup } from './agent-group.ts';
import { describeMachine, sharesMachine } from './machine.ts';
import type { MemoryProbe } from './memory-probe.ts';
import { DEFAULT_OBJECTIVE_MS, METHOD } from './method.ts';
import { metricSummaries, offeredDeliveries, scenarioSummaries } from './metric-summaries.ts';
import type { NodeWatch } from './node-watch.ts';
import type { PhaseLog } from './phase-log.ts';
import { claimOf, notesOf, percentileMs } from './run-claim.ts';
import type { FaultsJudged } from './run-faults.ts';
import type { RowsSettled, RunOptions } from './run-options.ts';
import { steadySecondsOf } from './steady-seconds.ts';
import { judge } from './verdict.ts';
import type { MachineSecond } from './verdict-generator.ts';

export interface SummaryInput {
  options: RunOptions;
  target: string;
  embedded: boolean;
  nodeGone: string | null;
  startedAtMs: number;
  agents: AgentGroup;
  /** Null: no HTTP calls are made. */
  http: HttpLoad | null;
  deliveryAcrossHosts: boolean;
  watch: NodeWatch;
  memory: MemoryProbe;
  metrics: RunMetrics;
  phases: PhaseLog;
  connectReports: ConnectReport[];
  ledger: Reconciliation;
  rows: RowsSettled;
  thresholds: ThresholdResult[];
  notes: string[];
  faults: FaultsJudged;
  complete: boolean;
}

export function buildSummary(input: SummaryInput): RunSummary {
  const { options, metrics, watch, agents, http, ledger } = input;
  const { plan } = options;
  const steady = input.phases.epochWindow('steady');
  const steadySeconds = (steady.endMs - steady.startMs) / 1_000;
  const connecting = connectingFigures(input);
  const seconds = steadySecondsOf(metrics, steady);
  const sharedMachine = input.embedded || sharesMachine(input.target);
  const judged = judge({
    thresholds: input.thresholds,
    ledger: ledger.totals,
    contradictions: {
      neverSent: ledger.counts['never-sent'],
      failedButArrived: ledger.counts['failed-but-arrived'],
    },
    missingLedgers: ledger.missingAgents,
    offeredMessages: offeredDeliveries(metrics, plan.fanOut),
    sends: metrics.expects('sent_latency'),
    achievedMessages: metrics.counter('messages_delivered', 'steady'),
    droppedMessages: Math.max(metrics.counter('messages_dropped', 'steady') - agents.progress().droppedAway, 0),
    steadySeconds,
    // Several devices a user: how many connections that is exactly, the agents count.
    connectionsRequested: plan.devices === 1 ? plan.connectionsAtStart : connecting.asked,
    catchingUp: agents.progress().catchingUp,
    usersComeAndGo: plan.blocks.some(({ online, turnover }) => online !== null || turnover.length > 0),
    connectionsOpened: connecting.opened,
    connectingCutShort: connecting.cutShort,
    connectFailed: agents.progress().failed,
    connectReasons: connecting.reasons,
    connectionsLost: agents.progress().lost,
    objectiveMs: tightestObjective(plan),
    seconds: seconds.filter(({ atMs }) => !input.faults.isDisturbed(atMs)),
    faults: input.faults.results,
    agentCpu: gaugeBySource(metrics, 'agent_cpu', steady),
    agentLoopDelayMs: agents.loopDelays(),
    // Whoever lost a connection to a fault sends late, and the generator can't help it.
    slipP99Ms:
      input.faults.slipP99Ms === undefined
        ? percentileMs(metrics.histogram('send_slip', 'steady'), 99)
        : input.faults.slipP99Ms,
    deadAgents: [...agents.dead, ...(http?.gone ? [{ name: http.name, how: http.gone }] : [])],
    laggingAgents: agents.lagging,
    machine: machineSeconds(input, steady, sharedMachine),
    unsteadyClocks: agents.unsteadyClocks,
    clockErrorMs: input.deliveryAcrossHosts ? agents.clockErrorMs : 0,
    nodeGone: input.nodeGone,
    rows: input.rows,
    complete: input.complete,
  });
  const closed = plan.streams.some(({ pace }) => pace.model === 'closed');
  const passed = judged.verdict === 'pass';
  const memory = input.memory.perConnection();
  const usage = agents.usage();
  return {
    version: '1.0.0',
    metadata: {
      generatedAt: new Date().toISOString(),
      plimsollVersion: PLIMSOLL_VERSION,
      runId: options.runId,
      name: options.name,
      tags: options.tags,
      startedAt: new Date(input.startedAtMs).toISOString(),
      complete: input.complete,
      machine: describeMachine(sharedMachine),
    },
    config: {
      scenario: plan.name,
      description: plan.description,
      seed: plan.seed,
      target: input.embedded ? 'embedded node' : input.target,
      store: watch.latest?.store.replace(/:.*/, '') ?? 'unknown',
      durability: watch.latest?.durability ?? 'unknown',
      durationSeconds: plan.phases.steadyMs / 1_000,
      connectionsRequested: plan.connections,
      rateOffered: plan.rate,
      closed,
      users: plan.users,
      fanOut: plan.fanOut,
      agents: options.agents,
      shards: watch.latest?.shards.length ?? 0,
      derivation: plan.derivation,
    },
    verdict: judged.verdict,
    claim: claimOf(input, judged, {
      // Others may have come later.
      connections: Math.max(connecting.opened, ...seconds.map(({ connections }) => connections)),
      closed,
      rate: plan.rate,
      sent: metrics.counter('messages_sent', 'steady'),
      seconds: steadySeconds,
    }),
    // A pass needs no excuse: what strained the generator is then a remark.
    validity: passed ? { valid: true, reasons: [] } : { valid: judged.reasons.length === 0, reasons: judged.reasons },
    failures: judged.failures,
    agents: agents.whereabouts(),
    notes: notesOf(input, judged, sharedMachine),
    phases: input.phases.list().filter(({ phase }) => phase !== 'start' && phase !== 'finish'),
    results: {
      metrics: metricSummaries(metrics, steady),
      ...(metrics.scenarios.length > 0 && { scenarios: scenarioSummaries(metrics, steady) }),
      thresholds: input.thresholds,
    },
    ledger: ledger.totals,
    server: {
      connectionsPeak: Math.max(watch.connectionsPeak, connecting.opened),
      cpuSeconds: watch.cpuSeconds,
      rssBytesPeak: watch.rssPeakBytes,
      memoryBytesPerConnection: memory.server,
    },
    generator: {
      cpuSeconds: usage.cpuSeconds + (http?.usage().cpuSeconds ?? 0),
      rssBytesPeak: usage.rssPeakBytes + (http?.usage().rssPeakBytes ?? 0),
      memoryBytesPerConnection: memory.generator,
      cpuMicrosecondsPerMessage: generatorCostPerMessage(metrics, steady),
    },
    kernel: { memoryBytesPerConnection: sharedMachine ? memory.kernel : null },
    connecting: {
      seconds: connecting.seconds,
      perSecond: connecting.seconds > 0 ? connecting.opened / connecting.seconds : 0,
      failed: connecting.failed,
    },
    faults: input.faults.results,
  };
}

interface ConnectingFigures {
  asked: number;
  opened: number;
  failed: number;
  seconds: number;
  reasons: string[];
  cutShort: boolean;
}

/** Agents report when they are through: who stopped the run before that has what they last told of their progress. */
function connectingFigures({ connectReports: reports, complete, agents, phases }: SummaryInput): ConnectingFigures {
  const loaded = phases.list().some(({ phase }) => phase === 'warm-up');
  if (!complete && !loaded) {
    const { connections: opened, failed: causes } = agents.progress();
    const failed = causes.generator + causes.server;
    const { startMs, endMs } = phases.epochWindow('connect');
    const seconds = (endMs - startMs) / 1_000;
    return { asked: opened + failed, opened, failed, seconds, reasons: [], cutShort: true };
  }
  const reasons = new Map<string, number>();
  for (const report of reports) {
    for (const [reason, count] of Object.entries(report.reasons))
      reasons.set(reason, (reasons.get(reason) ?? 0) + count);
  }
  const opened = reports.reduce((sum, report) => sum + report.opened, 0);
  const failed = reports.reduce((sum, report) => sum + report.failed.generator + report.failed.server, 0);
  return {
    asked: opened + failed,
    opened,
    failed,
    seconds: Math.max(0, ...reports.map(({ seconds }) => seconds)),
    reasons: [...reasons.entries()].sort(([, a], [, b]) => b - a).map(([reason]) => reason),
    cutShort: false,
  };
}

/** The smallest upper limit that a threshold sets on a latency. */
export function tightestObjective(plan: LoadPlan): number | null {
  const limits = plan.thresholds.flatMap(({ aggregation, operator, limit }) =>
    aggregation.type === 'trend' && aggregation.name.includes('latency') && operator.startsWith('<') ? [limit] : [],
  );
  return limits.length > 0 ? Math.min(...limits) : null;
}

/** What the clocks of two hosts may differ by where a delivery between them is to be measured, ms. */
export function clockLimitMs(plan: LoadPlan): number {
  return (tightestObjective(plan) ?? DEFAULT_OBJECTIVE_MS) * METHOD.clockShareOfObjective;
}

function gaugeBySource(
  metrics: RunMetrics,
  name: GaugeName,
  steady: { startMs: number; endMs: number },
): Map<string, number[]> {
  const bySource = new Map<string, number[]>();
  for (const { atMs, source, value } of metrics.gauges(name)) {
    if (atMs < steady.startMs || atMs + 1_000 > steady.endMs) continue;
    const values = bySource.get(source) ?? [];
    values.push(value);
    bySource.set(source, values);
  }
  return bySource;
}

/** Of the machine that the run was started on, if all agents are on it. */
function machineSeconds(
  { agents, metrics }: SummaryInput,
  steady: { startMs: number; endMs: number },
  sharedMachine: boolean,
): { cores: number; seconds: MachineSecond[] } | null {
  if (agents.whereabouts().some(({ host }) => host !== hostname())) return null;
  const seconds = new Map<number, MachineSecond>();
  const add = (name: GaugeName, of: keyof MachineSecond): void => {
    for (const { atMs, value } of metrics.gauges(name)) {
      if (atMs < steady.startMs || atMs + 1_000 > steady.endMs) continue;
      const second = seconds.get(atMs) ?? { used: 0, stolen: 0, ofRun: 0 };
      second[of] += value;
      seconds.set(atMs, second);
    }
  };
  add('machine_cpu', 'used');
  add('machine_stolen_cpu', 'stolen');
  add('agent_cpu', 'ofRun');
  if (sharedMachine) add('server_cpu', 'ofRun');
  // What has no figure of the machine was read off its beat.
  return { cores: cpus().length, seconds: [...seconds.values()].filter(({ used }) => used > 0) };
}

/** Agents' CPU in the steady phase over messages sent in it. Idle connections cost a little too; it is in there. */
function generatorCostPerMessage(metrics: RunMetrics, steady: { startMs: number; endMs: number }): number | null {
  const sent = metrics.counter('messages_sent', 'steady');
  if (sent === 0) return null;
  let cores = 0;
  // Seconds that the edges of the phase cut are not among them: their mean stands for the whole phase.
  for (const [source, values] of gaugeBySource(metrics, 'agent_cpu', steady)) {
    if (source === HTTP_SOURCE) continue;
    cores += values.reduce((sum, value) => sum + value, 0) / values.length;
  }
  return (cores * (steady.endMs - steady.startMs) * 1e3) / sent;
}
