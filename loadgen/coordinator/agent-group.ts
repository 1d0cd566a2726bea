/** All agents of a run as one: tells each its part, adds up what they say, and notices one that dies or fails. */
import type {
  AgentAssignment,
  AgentLink,
  AgentProgress,
  AgentUsage,
  ClientFault,
  ConnectReport,
  FromAgent,
  ToAgent,
} from '../control/control-channel.ts';
import type { FanOutRow } from '../recorder/fan-out.ts';
import type { SampleBatch } from '../recorder/samples.ts';
import type { AgentHostSummary } from '../recorder/summary.ts';
import { AgentClocks } from './agent-clocks.ts';
import { AgentError } from './agent-error.ts';
import { SilenceWatch } from './agent-silence.ts';
import { type AgentLedger, type AgentState, labelOf, lagOf, newAgentState, sumProgress } from './agent-state.ts';

const END_GRACE_MS = 2_000;
/** Agents report every second. */
const SILENCE_MS = 20_000;

export class AgentGroup {
  onSamples: (batch: SampleBatch) => void = () => {};
  onFanOut: (rows: readonly FanOutRow[]) => void = () => {};
  onTick: () => void = () => {};
  onGone: (name: string, how: string) => void = () => {};
  onNotice: (text: string) => void = () => {};
  #agents: AgentState[];
  #clocks: AgentClocks | null = null;
  #finishing = false;
  #silence = new SilenceWatch<AgentState>(SILENCE_MS, (agent) => {
    // It does not listen either.
    agent.link.kill();
    this.#lost(agent, `said nothing for ${SILENCE_MS / 1_000} s (a driver that never returns?) and was ended`);
  });

  constructor(links: AgentLink[]) {
    this.#agents = links.map(newAgentState);
    for (const agent of this.#agents) {
      agent.link.onMessage((message) => this.#receive(agent, message));
      agent.link.onGone((how) => {
        agent.exited = true;
        this.#lost(agent, how);
      });
    }
  }

  get size(): number {
    return this.#agents.length;
  }

  /** Agents that ended without being asked to, with how. */
  get dead(): Array<{ name: string; how: string }> {
    return this.#agents.flatMap((agent) => (agent.gone === null ? [] : [{ name: labelOf(agent), how: agent.gone }]));
  }

  /** Agents that were there, but late, with how. */
  get lagging(): Array<{ name: string; how: string; agent: string }> {
    return this.#agents.flatMap((agent) => {
      const how = lagOf(agent);
      return how === null ? [] : [{ name: labelOf(agent), how, agent: agent.link.name }];
    });
  }

  /** Which monotonic clock each agent has, by segment: equal texts are one clock. */
  get hosts(): string[] {
    return this.#clocks?.ids ?? this.#agents.map(() => '');
  }

  get longestRoundTripMs(): number {
    return this.#clocks?.longestRoundTripMs ?? 0;
  }

  /** What a time between two agents of different hosts can be wrong by, at most, ms, since the load began. */
  get clockErrorMs(): number {
    return this.#clocks?.worstBetweenHostsMs ?? 0;
  }

  /** Agents whose clock was set, stood still, or drifts more than clocks do. */
  get unsteadyClocks(): string[] {
    return this.#clocks?.unsteady ?? [];
  }

  /** Where the agents ran, for the summary. */
  whereabouts(): AgentHostSummary[] {
    return this.#agents.map(({ link, ready }, index) => {
      const clock = this.#clocks?.clockOf(index);
      return {
        name: link.name,
        host: link.host ?? ready?.host ?? 'unknown',
        version: ready?.version ?? 'unknown',
        clockOffsetMs: clock?.offsetMs ?? 0,
        clockBoundMs: clock?.boundMs ?? 0,
      };
    });
  }

  /** Resolves when every agent is up and of this version. Rejects with AgentError. */
  async ready(version: string): Promise<void> {
    await Promise.all(this.#agents.map((agent) => this.#expect(agent, 'ready')));
    for (const agent of this.#agents) {
      const theirs = agent.ready!.version;
      if (theirs !== version) {
        throw new AgentError(
          'configuration',
          `${labelOf(agent)} runs Plimsoll ${theirs}, the coordinator ${version}; use one version`,
        );
      }
    }
  }

  /** All agents show the coordinator's time afterwards, and go on to. Rejects with AgentError. */
  async synchronise(): Promise<void> {
    this.#clocks = new AgentClocks(this.#agents.map(({ link, ready }) => ({ link, clockId: ready!.clockId })));
    await this.#clocks.synchronise();
  }

  async prepare(assignment: (index: number) => AgentAssignment): Promise<void> {
    // The channel to another machine judges silence itself: what it goes through may be away for a while.
    this.#silence.start(this.#agents.filter(({ link }) => link.host === undefined));
    await Promise.all(
      this.#agents.map((agent, index) =>
        this.#ask(agent, { type: 'prepare', assignment: assignment(index) }, 'prepared'),
      ),
    );
  }

  /** Open all connections; agents that die meanwhile count as failed on the generator's side. */
  async connect(): Promise<ConnectReport[]> {
    const reports = await Promise.allSettled(
      this.#agents.map((agent) => this.#ask(agent, { type: 'connect' }, 'connected')),
    );
    return reports.flatMap((result) => {
      if (result.status === 'rejected') return [];
      return result.value.type === 'connected' ? [result.value.report] : [];
    });
  }

  load(startMs: number): void {
    this.#clocks?.resetBounds();
    this.#tellAll({ type: 'load', startMs });
  }

  /** Have all agents break something on their side. */
  breakClients(fault: ClientFault): void {
    this.#tellAll({ type: 'fault', fault });
  }

  /** Nothing is under way to anybody any more. */
  fetchMissed(): void {
    this.#tellAll({ type: 'fetch' });
  }

  drain(): void {
    this.#tellAll({ type: 'drain' });
  }

  /** Closing ledgers; null for an agent that is gone. */
  async finish(timeoutMs: number): Promise<Array<AgentLedger | null>> {
    this.#finishing = true;
    this.#silence.stop();
    const asked = this.#agents.map(async (agent) => {
      if (agent.gone !== null) return;
      await this.#ask(agent, { type: 'finish' }, 'ledger').catch(() => {});
    });
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, timeoutMs).unref());
    await Promise.race([Promise.all(asked), timeout]);
    return this.#agents.map((agent) => agent.ledger);
  }

  /** Wait a little for those that were told to finish, then end what is still there. */
  async end(): Promise<void> {
    const finishing = this.#finishing;
    this.#finishing = true;
    this.#silence.stop();
    const left = (): AgentState[] => this.#agents.filter((agent) => !agent.exited);
    for (let waited = 0; finishing && left().length > 0 && waited < END_GRACE_MS; waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const agent of left()) agent.link.kill();
    this.#clocks?.stop();
  }

  progress(): AgentProgress {
    return sumProgress(this.#agents);
  }

  /** Event-loop delay p99 over the steady phase, ms, by agent. */
  loopDelays(): Map<string, number> {
    return new Map(this.#agents.map(({ link, progress }) => [link.name, progress?.loopDelayP99Ms ?? 0]));
  }

  /** CPU seconds since their start and resident memory (now and at most) of all agents. */
  usage(): AgentUsage & { rssPeakBytes: number } {
    const sum = { cpuSeconds: 0, rssBytes: 0, rssPeakBytes: 0 };
    for (const { usage, rssPeak } of this.#agents) {
      sum.cpuSeconds += usage?.cpuSeconds ?? 0;
      sum.rssBytes += usage?.rssBytes ?? 0;
      sum.rssPeakBytes += rssPeak;
    }
    return sum;
  }

  #receive(agent: AgentState, message: FromAgent): void {
    this.#silence.heard(agent);
    if (message.type === 'tick') {
      agent.progress = message.progress;
      agent.usage = message.usage;
      this.#notice(agent, message.lag);
      agent.rssPeak = Math.max(agent.rssPeak, message.usage.rssBytes);
      if (message.samples) this.onSamples(message.samples);
      if (message.fanOut.length > 0) this.onFanOut(message.fanOut);
      this.onTick();
      return;
    }
    if (message.type === 'notice') {
      this.onNotice(`${agent.link.name}: ${message.text}`);
      return;
    }
    if (message.type === 'ready') agent.ready = message;
    if (message.type === 'ledger') agent.ledger = { sender: message.sender, receiver: message.receiver };
    const { pending } = agent;
    if (message.type === 'failed') {
      if (pending?.type === 'prepared') {
        agent.pending = null;
        pending.reject(new AgentError(message.side, `${labelOf(agent)}: ${message.message}`));
      } else this.#lost(agent, message.message); // what it measured until then counts
    } else if (pending?.type === message.type) {
      agent.pending = null;
      pending.resolve(message);
    }
  }

  /** Says the first time that an agent falls behind. */
  #notice(agent: AgentState, lag: AgentState['lag']): void {
    const before = lagOf(agent);
    agent.lag = lag;
    const how = lagOf(agent);
    if (before === null && how !== null) this.onNotice(`${labelOf(agent)} ${how}`);
  }

  #lost(agent: AgentState, how: string): void {
    if (agent.ledger !== null || agent.gone !== null) return;
    agent.gone = how;
    agent.pending?.reject(new AgentError('generator', `${labelOf(agent)} ${how}`));
    agent.pending = null;
    if (!this.#finishing) this.onGone(labelOf(agent), how);
    this.onTick();
  }

  #ask(agent: AgentState, message: ToAgent, answer: FromAgent['type']): Promise<FromAgent> {
    const expected = this.#expect(agent, answer);
    agent.link.send(message);
    return expected;
  }

  #expect(agent: AgentState, type: FromAgent['type']): Promise<FromAgent> {
    if (agent.gone !== null) return Promise.reject(new AgentError('generator', `${labelOf(agent)} ${agent.gone}`));
    return new Promise((resolve, reject) => {
      agent.pending = { resolve, reject, type };
    });
  }

  #tellAll(message: ToAgent): void {
    for (const agent of this.#agents) if (agent.gone === null) agent.link.send(message);
  }
}
