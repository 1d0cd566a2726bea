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
import type { ReceiverSummary, SenderSummary } from '../recorder/delivery-ledger.ts';
import type { FanOutRow } from '../recorder/fan-out.ts';
import type { SampleBatch } from '../recorder/samples.ts';

/** An agent could not do its part: one sentence. */
export class AgentError extends Error {
  readonly side: 'generator' | 'server' | 'configuration';
  constructor(side: AgentError['side'], message: string) {
    super(message);
    this.name = 'AgentError';
    this.side = side;
  }
}

export interface AgentLedger {
  sender: SenderSummary;
  receiver: ReceiverSummary;
}

interface AgentState {
  link: AgentLink;
  progress: AgentProgress | null;
  usage: AgentUsage | null;
  rssPeak: number;
  ledger: AgentLedger | null;
  /** How it ended, when it was not asked to. */
  gone: string | null;
  exited: boolean;
  /** What it waits for. */
  pending: { resolve: (message: FromAgent) => void; reject: (error: Error) => void; type: FromAgent['type'] } | null;
}

const NOTHING: AgentProgress = {
  connections: 0,
  failed: { generator: 0, server: 0 },
  lost: 0,
  connecting: 0,
  reconnecting: 0,
  sent: 0,
  acknowledged: 0,
  expected: 0,
  delivered: 0,
  duplicated: 0,
  reordered: 0,
  dropped: 0,
  awaitingReceipt: 0,
  slow: 0,
  catchingUp: 0,
  loopDelayP99Ms: 0,
  loadDone: true,
};

const END_GRACE_MS = 2_000;

export class AgentGroup {
  onSamples: (batch: SampleBatch) => void = () => {};
  onFanOut: (rows: readonly FanOutRow[]) => void = () => {};
  onTick: () => void = () => {};
  onGone: (name: string, how: string) => void = () => {};
  onNotice: (text: string) => void = () => {};
  #agents: AgentState[];
  #finishing = false;

  constructor(links: AgentLink[]) {
    this.#agents = links.map((link) => ({
      link,
      progress: null,
      usage: null,
      rssPeak: 0,
      ledger: null,
      gone: null,
      exited: false,
      pending: null,
    }));
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
    return this.#agents.flatMap(({ link, gone }) => (gone === null ? [] : [{ name: link.name, how: gone }]));
  }

  /** Resolves when every agent is up and of this version. Rejects with AgentError. */
  async ready(version: string): Promise<void> {
    const answers = await Promise.all(this.#agents.map((agent) => this.#expect(agent, 'ready')));
    for (const answer of answers) {
      if (answer.type === 'ready' && answer.version !== version) {
        throw new AgentError(
          'configuration',
          `an agent runs Plimsoll ${answer.version}, the coordinator ${version}; use one version`,
        );
      }
    }
  }

  async prepare(assignment: (index: number) => AgentAssignment): Promise<void> {
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
    this.#tellAll({ type: 'load', startMs });
  }

  /** Have all agents break something on their side. */
  breakClients(fault: ClientFault): void {
    this.#tellAll({ type: 'fault', fault });
  }

  drain(): void {
    this.#tellAll({ type: 'drain' });
  }

  /** Closing ledgers; null for an agent that is gone. */
  async finish(timeoutMs: number): Promise<Array<AgentLedger | null>> {
    this.#finishing = true;
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
    const left = (): AgentState[] => this.#agents.filter((agent) => !agent.exited);
    for (let waited = 0; finishing && left().length > 0 && waited < END_GRACE_MS; waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    for (const agent of left()) agent.link.kill();
  }

  progress(): AgentProgress {
    const sum = { ...NOTHING, failed: { ...NOTHING.failed } };
    for (const { progress, gone } of this.#agents) {
      if (progress === null) {
        sum.loadDone = false;
        continue;
      }
      if (gone === null) {
        sum.connections += progress.connections;
        sum.connecting += progress.connecting;
        sum.reconnecting += progress.reconnecting;
        sum.awaitingReceipt += progress.awaitingReceipt;
        sum.slow += progress.slow;
        sum.catchingUp += progress.catchingUp;
        sum.loadDone &&= progress.loadDone;
      }
      sum.loopDelayP99Ms = Math.max(sum.loopDelayP99Ms, progress.loopDelayP99Ms);
      sum.failed.generator += progress.failed.generator;
      sum.failed.server += progress.failed.server;
      sum.lost += progress.lost;
      sum.sent += progress.sent;
      sum.acknowledged += progress.acknowledged;
      sum.expected += progress.expected;
      sum.delivered += progress.delivered;
      sum.duplicated += progress.duplicated;
      sum.reordered += progress.reordered;
      sum.dropped += progress.dropped;
    }
    return sum;
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
    if (message.type === 'tick') {
      agent.progress = message.progress;
      agent.usage = message.usage;
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
    if (message.type === 'ledger') agent.ledger = { sender: message.sender, receiver: message.receiver };
    const { pending } = agent;
    if (message.type === 'failed') {
      if (pending?.type === 'prepared') {
        agent.pending = null;
        pending.reject(new AgentError(message.side, `${agent.link.name}: ${message.message}`));
      } else this.#lost(agent, message.message); // what it measured until then counts
    } else if (pending?.type === message.type) {
      agent.pending = null;
      pending.resolve(message);
    }
  }

  #lost(agent: AgentState, how: string): void {
    if (agent.ledger !== null || agent.gone !== null) return;
    agent.gone = how;
    agent.pending?.reject(new AgentError('generator', `${agent.link.name} ${how}`));
    agent.pending = null;
    if (!this.#finishing) this.onGone(agent.link.name, how);
    this.onTick();
  }

  #ask(agent: AgentState, message: ToAgent, answer: FromAgent['type']): Promise<FromAgent> {
    const expected = this.#expect(agent, answer);
    agent.link.send(message);
    return expected;
  }

  #expect(agent: AgentState, type: FromAgent['type']): Promise<FromAgent> {
    if (agent.gone !== null) return Promise.reject(new AgentError('generator', `${agent.link.name} ${agent.gone}`));
    return new Promise((resolve, reject) => {
      agent.pending = { resolve, reject, type };
    });
  }

  #tellAll(message: ToAgent): void {
    for (const agent of this.#agents) if (agent.gone === null) agent.link.send(message);
  }
}
