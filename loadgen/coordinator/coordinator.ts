/**
 * A run from beginning to end: node, agents, connections, warm-up, steady phase, drain, ledger, verdict. Whatever happens on
 * the way (a signal, a dying agent or node) the run ends in order, and what was measured is kept and judged.
 */
import { randomBytes } from 'node:crypto';
import type { ConnectReport } from '../control/control-channel.ts';
import { REFERENCE_DRIVER } from '../drivers/driver-loader.ts';
import { HttpLoad } from '../http-load/http-load.ts';
import { expectedMetrics } from '../population/expected-metrics.ts';
import type { LoadPlan } from '../population/load-plan.ts';
import { type Reconciliation, reconcile } from '../recorder/delivery-ledger.ts';
import { FanOutMerge } from '../recorder/fan-out.ts';
import { IntervalRecorder } from '../recorder/interval-recorder.ts';
import { type Audience, expandLedgers } from '../recorder/ledger-expansion.ts';
import { RunMetrics } from '../recorder/run-metrics.ts';
import type { Phase, SampleBatch } from '../recorder/samples.ts';
import type { RunSummary, ThresholdResult } from '../recorder/summary.ts';
import { breachSentence, ThresholdWatch } from '../recorder/thresholds-watch.ts';
import { formatCount } from '../units.ts';
import { PLIMSOLL_VERSION } from '../version.ts';
import { AgentGroup } from './agent-group.ts';
import { assignmentOf } from './assignment.ts';
import { audienceOf, receiversOf } from './audience.ts';
import { kernelGauges, sharesMachine } from './machine.ts';
import { MachineCpu } from './machine-cpu.ts';
import { MemoryProbe } from './memory-probe.ts';
import { NodeWatch } from './node-watch.ts';
import { PhaseLog, type RunPhase } from './phase-log.ts';
import type { RunSnapshot } from './progress.ts';
import { RunFaults } from './run-faults.ts';
import type { RunOptions } from './run-options.ts';
import { buildSummary, clockLimitMs, tightestObjective } from './run-summary.ts';
import { EmbeddedNode } from './target-node.ts';
import { generatorLimitMs } from './verdict-generator.ts';

/** Between the order to load and its first message, so that all agents have it in time. */
const LOAD_LEAD_MS = 500;
/** The order may have to be repeated on its way to an agent elsewhere. */
const LOAD_LEAD_ROUND_TRIPS = 8;
const PROGRESS_MS = 250;
const CHECK_MS = 20;
const CATCH_UP_MS = 120_000;
/** So long at most the server's last answers are waited for before offline users fetch what they missed. */
const ANSWERS_MS = 10_000;
const FINISH_TIMEOUT_MS = 15_000;
/** After a signal, wait for messages under way at most this long. */
const ABORT_DRAIN_MS = 2_000;

export async function runLoad(options: RunOptions): Promise<RunSummary> {
  const run = new Run(options);
  try {
    return await run.execute();
  } finally {
    await run.cleanUp();
  }
}

class Run {
  #options: RunOptions;
  #clock: RunOptions['clock'];
  #plan: LoadPlan;
  #node: EmbeddedNode | null = null;
  #agents: AgentGroup | null = null;
  #http: HttpLoad | null = null;
  #watch: NodeWatch | null = null;
  #metrics: RunMetrics;
  #thresholds: ThresholdWatch;
  #phases: PhaseLog;
  #memory = new MemoryProbe();
  #machineCpu = new MachineCpu();
  #timers: NodeJS.Timeout[] = [];
  #notes: string[] = [];
  #connectReports: ConnectReport[] = [];
  readonly #startedAtMs: number;
  #secret: string | null;
  #recording = true;
  /** Who receives what: groups and devices follow from the plan, here as in every agent. */
  #audience: Audience;
  #fanOut: FanOutMerge;
  #fanOutRecorder = new IntervalRecorder('coordinator');
  #deliveryAcrossHosts = true;
  #faults: RunFaults;
  #exceeded: ThresholdResult[] = [];

  constructor(options: RunOptions) {
    this.#startedAtMs = options.startedAtMs ?? Date.now();
    this.#options = options;
    this.#clock = options.clock;
    this.#plan = options.plan;
    this.#metrics = new RunMetrics(options.plan.thresholds, expectedMetrics(options.plan));
    this.#thresholds = new ThresholdWatch(options.plan.thresholds);
    this.#phases = new PhaseLog(options.clock);
    this.#audience = audienceOf(options.plan);
    this.#fanOut = new FanOutMerge(
      (group, sender) => receiversOf(this.#audience, group, sender),
      (phase, lastMs) => this.#fanOutRecorder.record('fanout_last_latency', phase, lastMs),
    );
    this.#faults = new RunFaults({
      plan: options.plan,
      clock: options.clock,
      storeDirectory: options.storeDirectory,
      tellAgents: (fault) => this.#agents?.breakClients(fault),
      holdResults: (hold) => options.sink.hold?.(hold),
      progress: () => this.#agents!.progress(),
      note: (text) => this.#note(text),
    });
    // An embedded node asks for tokens like any other: signing and checking them is part of what is measured.
    this.#secret = options.authSecret ?? (options.target === null ? randomBytes(24).toString('hex') : null);
  }

  async execute(): Promise<RunSummary> {
    const target = await this.#startTarget();
    const agents = await this.#startAgents(target);
    await this.#startHttp(target);
    await this.#options.onReady();
    await this.#watchNode(target);
    this.#timers.push(setInterval(() => this.#options.onProgress(this.snapshot()), PROGRESS_MS));

    await this.#memory.takeBaseline(this.#watch!, agents);
    await this.#connect(agents);
    await this.#load(agents);
    const httpOver = this.#http?.stop();
    await this.#drain(agents);
    await httpOver;
    this.#phases.enter('finish');
    const ledgers = await agents.finish(FINISH_TIMEOUT_MS);
    const ledger = reconcile(expandLedgers(ledgers, this.#audience));
    return this.#summarise(target, agents, ledger);
  }

  /** Ends every process that this run started. */
  async cleanUp(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    this.#watch?.stop();
    this.#http?.kill();
    await this.#faults.undo();
    await this.#agents?.end();
    await this.#node?.stop();
    await this.#faults.remove();
  }

  snapshot(): RunSnapshot {
    const agents = this.#agents!;
    return {
      phase: this.#phases.current,
      phaseElapsedMs: this.#phases.elapsedMs,
      phaseLengthMs: this.#lengthOf(this.#phases.current),
      connectionsRequested: this.#plan.connectionsAtStart,
      progress: agents.progress(),
      rateOffered: this.#plan.rate,
      generatorLimitMs: generatorLimitMs(tightestObjective(this.#plan)),
      recent: this.#metrics.recent(),
      serverCpu: this.#watch?.cpuCores ?? null,
      phases: this.#phases.list(),
      faults: this.#faults.begun,
      agents: agents.size,
      agentsGone: agents.dead.map(({ name, how }) => `${name} ${how}`),
      exceeded: this.#exceeded,
      notices: this.#notes,
    };
  }

  async #startTarget(): Promise<string> {
    this.#phases.enter('start');
    const { target, node } = this.#options;
    if (target !== null) return target;
    this.#node = await EmbeddedNode.start({
      ...node,
      authSecret: this.#secret!,
      connections: this.#plan.connections,
      network: this.#faults.network,
      onLog: (line) => this.#noteOnce(`server: ${line}`),
    });
    return this.#node.target;
  }

  async #startAgents(target: string): Promise<AgentGroup> {
    const { agents: count, startAgent, driver } = this.#options;
    const links = Array.from({ length: count }, (_, index) => startAgent(index));
    const agents = new AgentGroup(links);
    this.#agents = agents;
    agents.onSamples = (batch) => this.#record(batch);
    agents.onFanOut = (rows) => this.#fanOut.add(rows);
    agents.onGone = (name, how) => this.#note(`${name} ${how}`);
    agents.onNotice = (text) => this.#note(text);
    await agents.ready(PLIMSOLL_VERSION);
    await agents.synchronise();
    this.#deliveryAcrossHosts = agents.clockErrorMs <= clockLimitMs(this.#plan);
    const common = {
      plan: this.#plan,
      runId: this.#options.runId,
      driver,
      target,
      authSecret: this.#secret,
      epochOffsetMs: this.#clock.epochOffsetMs,
      hosts: agents.hosts,
      deliveryAcrossHosts: this.#deliveryAcrossHosts,
    };
    await agents.prepare((index) => assignmentOf(common, { index, of: count }));
    return agents;
  }

  async #startHttp(target: string): Promise<void> {
    const { http, users, partners, seed, warmUpMs, steadyMs } = this.#plan;
    if (http === null) return;
    this.#http = await HttpLoad.start({
      assignment: {
        ...{ plan: http, target, users, partners, seed, warmUpMs, steadyMs },
        sharded: this.#options.driver === REFERENCE_DRIVER,
        authSecret: this.#secret,
        epochOffsetMs: this.#clock.epochOffsetMs,
      },
      onSamples: (batch) => this.#record(batch),
      onGone: (how) => this.#note(`http-load ${how}`),
    });
  }

  async #watchNode(target: string): Promise<void> {
    const watch = new NodeWatch(target, (rows) => this.#record({ histograms: [], counters: [], gauges: rows }));
    this.#watch = watch;
    watch.onRestart = (shard) => this.#note(`server shard ${shard} died and was started again`);
    await watch.start(this.#clock);
    this.#timers.push(
      setInterval(() => {
        const atMs = this.#second();
        const histograms = this.#fanOutRecorder.swap(atMs);
        this.#record({ histograms, counters: [], gauges: [...kernelGauges(atMs), ...this.#machineCpu.gauges(atMs)] });
        if (this.#phases.current === 'steady' && this.#options.judgeThresholds)
          this.#exceeded = this.#thresholds.exceeded(this.#metrics, this.#windowOf);
      }, 1_000),
    );
  }

  async #connect(agents: AgentGroup): Promise<void> {
    if (this.#aborted()) return;
    this.#phases.enter('connect');
    let done = false;
    void agents.connect().then((reports) => {
      this.#connectReports = reports;
      done = true;
    });
    await this.#until(() => done);
  }

  async #load(agents: AgentGroup): Promise<void> {
    // With nobody there, nothing can be measured; unless users are to come only later.
    if (this.#aborted() || (agents.progress().connections === 0 && this.#plan.connectionsAtStart > 0)) return;
    const { warmUpMs, steadyMs } = this.#plan.phases;
    const startMs = this.#clock.nowMs() + Math.max(LOAD_LEAD_MS, agents.longestRoundTripMs * LOAD_LEAD_ROUND_TRIPS);
    agents.load(startMs);
    this.#faults.start(this.#node, startMs + warmUpMs);
    this.#http?.begin(startMs);
    this.#phases.enter('warm-up', startMs);
    await this.#until(() => this.#clock.nowMs() >= startMs + warmUpMs);
    if (this.#aborted()) return;
    this.#memory.takeLoaded(agents.progress().connections);
    const shared = this.#node !== null || sharesMachine(this.#options.target!);
    this.#record({ histograms: [], counters: [], gauges: this.#memory.gauges(this.#second(), shared) });
    this.#phases.enter('steady', startMs + warmUpMs);
    const endMs = startMs + warmUpMs + steadyMs;
    await this.#until(() => this.#clock.nowMs() >= endMs || (this.#plan.endsWhenDone && agents.progress().loadDone));
  }

  async #drain(agents: AgentGroup): Promise<void> {
    this.#phases.enter('drain');
    await this.#faults.undo();
    agents.drain();
    // Who must end soon: a signal says so, or nobody is there any more. A threshold that ended the run is no reason to hurry.
    const startMs = this.#clock.nowMs();
    let limit = startMs + this.#plan.phases.drainMs;
    let hurried = false;
    let fetching = false;
    let ticks = 0;
    agents.onTick = () => ticks++;
    for (;;) {
      const nowMs = this.#clock.nowMs();
      if (this.#cutShort() && !hurried) {
        hurried = true;
        limit = Math.min(limit, nowMs + ABORT_DRAIN_MS);
      }
      const { delivered, expected, awaitingReceipt, unacknowledged, catchingUp } = agents.progress();
      // Users who were offline come for what waits for them: what they had no time to fetch would look lost.
      const catchUpMs = catchingUp > 0 && !hurried ? CATCH_UP_MS : 0;
      if (nowMs >= limit + catchUpMs) break;
      const answered = ticks > 2 * agents.size && unacknowledged === 0;
      if (!fetching && (answered || nowMs >= startMs + ANSWERS_MS)) {
        fetching = true;
        agents.fetchMissed();
      }
      const through = delivered >= expected && awaitingReceipt === 0 && catchingUp === 0;
      // Two rounds of ticks, so that what is looked at was said after the last send.
      if (ticks > 2 * agents.size && through && (this.#faults.settled || hurried)) break;
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
    }
  }

  async #summarise(target: string, agents: AgentGroup, ledger: Reconciliation): Promise<RunSummary> {
    this.#metrics.addLost(ledger.totals.lost);
    if (this.#fanOut.incomplete > 0) {
      this.#note(
        `${formatCount(this.#fanOut.incomplete)} group message(s) did not reach all members while these were online; “fan-out, last” is of the others`,
      );
    }
    const faults = this.#faults.judge(ledger.totals.lost, this.#windowOf('steady'));
    this.#record({ histograms: this.#fanOutRecorder.swap(this.#second()), counters: [], gauges: faults.gauges });
    // What came after the count would look like rows that went missing.
    this.#recording = false;
    const rows = await this.#options.sink.settle();
    return buildSummary({
      options: this.#options,
      target,
      embedded: this.#node !== null,
      nodeGone: this.#node?.gone ?? null,
      startedAtMs: this.#startedAtMs,
      agents,
      deliveryAcrossHosts: this.#deliveryAcrossHosts,
      http: this.#http,
      watch: this.#watch!,
      memory: this.#memory,
      metrics: this.#metrics,
      phases: this.#phases,
      connectReports: this.#connectReports,
      ledger,
      rows,
      thresholds: this.#options.judgeThresholds ? this.#thresholds.judge(this.#metrics, this.#windowOf) : [],
      notes: [...this.#faults.remarks, ...this.#notes],
      faults,
      complete: !this.#options.signal.aborted,
    });
  }

  /** Resolves when `done`, or earlier on a signal, when a threshold ends the run, or when nobody is left to run it. */
  async #until(done: () => boolean): Promise<void> {
    while (!done() && !this.#aborted()) await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
  }

  #aborted(): boolean {
    return this.#cutShort() || this.#thresholds.breaches.length > 0;
  }

  /** Nobody waits any more, or nobody is left to run it. */
  #cutShort(): boolean {
    if (this.#options.signal.aborted) return true;
    if (this.#agents && this.#agents.dead.length === this.#agents.size) return true;
    return Boolean(this.#node?.gone);
  }

  #record(batch: SampleBatch): void {
    if (!this.#recording) return;
    this.#metrics.add(batch);
    this.#faults.record(batch);
    this.#options.sink.write(batch);
    const elapsedMs = this.#phases.loadElapsedMs;
    if (elapsedMs <= 0 || !this.#options.judgeThresholds) return;
    for (const breach of this.#thresholds.look(this.#metrics, this.#windowOf, elapsedMs))
      this.#note(breachSentence(breach));
  }

  #windowOf = (phase: Phase): { startMs: number; endMs: number } => this.#phases.epochWindow(phase);

  #lengthOf(phase: RunPhase): number | null {
    const { warmUpMs, steadyMs, drainMs } = this.#plan.phases;
    return { start: null, connect: null, 'warm-up': warmUpMs, steady: steadyMs, drain: drainMs, finish: null }[phase];
  }

  #note(text: string): void {
    this.#notes.push(text);
    this.#options.onNotice(text);
  }

  /** A full disk makes a server say the same every second. */
  #noteOnce(text: string): void {
    if (!this.#notes.includes(text)) this.#note(text);
  }

  #second(): number {
    return Math.floor(this.#clock.toEpochMs(this.#clock.nowMs()) / 1_000) * 1_000;
  }
}
