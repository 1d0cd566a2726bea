/**
 * The generator's own ceiling on this machine: what its agents reach against null servers, which do nothing but answer. Any
 * result near it says as much about the generator as about the server.
 *
 * One agent process drives one null server; on a machine with more than two cores there are several such pairs at once, each for
 * itself, and what they reach is added up.
 */
import { parseScenario } from '../../scenarios/scenario-schema.ts';
import type { realClock } from '../clock.ts';
import type { AgentLink } from '../control/control-channel.ts';
import { runLoad } from '../coordinator/coordinator.ts';
import { describeMachine } from '../coordinator/machine.ts';
import type { RunOptions } from '../coordinator/run-options.ts';
import { REFERENCE_DRIVER } from '../drivers/driver-loader.ts';
import { compileScenario, type LoadPlan } from '../population/load-plan.ts';
import { PLIMSOLL_VERSION } from '../version.ts';
import { forkNullServer } from './null-server-child.ts';
import { SecondsSink } from './seconds-sink.ts';
import { ceilingOf, isOver, stairRates } from './stairs.ts';

export interface Ceiling {
  /** ISO 8601 */
  measuredAt: string;
  plimsollVersion: string;
  node: string;
  cpu: string;
  cores: number;
  /** Agent processes, each with a null server of its own. */
  agents: number;
  /** Open while messages were counted, over all agents. */
  connections: number;
  messagesPerSecond: number;
  connectionsPerSecond: number;
}

export interface CeilingOptions {
  agents: number;
  /** As many connections an agent as its descriptors allow, at least. */
  connectionsPerAgentMax: number;
  startAgent: (index: number) => AgentLink;
  clock: typeof realClock;
  onNotice: (text: string) => void;
  /** Aborted, everything ends in order, and nothing was measured. */
  signal: AbortSignal;
}

const FIRST_RATE = 2_000;
/** Up to 64 times the first rate. */
const STAIR_SECONDS = 24;
const MESSAGE_CONNECTIONS = 1_000;
const OPENED_CONNECTIONS = 10_000;

/** Takes about 25 seconds. Rejects when an agent or a null server breaks, or the machine is too busy to tell. */
export async function measureCeiling(options: CeilingOptions): Promise<Ceiling> {
  const { agents, connectionsPerAgentMax } = options;
  const pairs = Array.from({ length: agents }, (_, index) => index);
  const opened = Math.min(OPENED_CONNECTIONS, connectionsPerAgentMax);
  options.onNotice(`opening ${opened * agents} connections`);
  const connecting = await Promise.all(pairs.map((pair) => connectionsPerSecond(pair, opened, options)));
  options.signal.throwIfAborted();
  const connections = Math.min(MESSAGE_CONNECTIONS, connectionsPerAgentMax);
  options.onNotice(`${connections * agents} connections, doubling the rate every 4 s`);
  const messages = await Promise.all(pairs.map((pair) => messagesPerSecond(pair, connections, options)));
  if (sum(messages) === 0) {
    throw new Error(
      `the generator was late from ${FIRST_RATE} messages/s on, which says more of what else this machine does: measure again when it is quiet`,
    );
  }
  options.signal.throwIfAborted();
  const { cpu, cores, node } = describeMachine(true);
  return {
    measuredAt: new Date().toISOString(),
    plimsollVersion: PLIMSOLL_VERSION,
    node,
    cpu,
    cores,
    agents,
    connections: connections * agents,
    messagesPerSecond: sum(messages),
    connectionsPerSecond: sum(connecting),
  };
}

async function connectionsPerSecond(pair: number, connections: number, options: CeilingOptions): Promise<number> {
  const load = { rate: 0 };
  const summary = await drive(pair, planOf(connections, load, '0', '100ms'), new SecondsSink(), options);
  return Math.round(summary.connecting.perSecond);
}

async function messagesPerSecond(pair: number, connections: number, options: CeilingOptions): Promise<number> {
  const rates = stairRates(FIRST_RATE, STAIR_SECONDS);
  const stages = rates.map((target) => ({ target, duration: '1s' }));
  const load = { executor: 'ramping-arrival-rate', startRate: FIRST_RATE, stages, arrivals: 'constant' };
  const stop = new AbortController();
  const sink = new SecondsSink((seconds) => {
    if (isOver(seconds)) stop.abort();
  });
  await drive(pair, planOf(connections, load, '2s', undefined), sink, options, stop.signal);
  return ceilingOf(sink.seconds);
}

function planOf(connections: number, load: object, warmUp: string, steady: string | undefined): LoadPlan {
  const scenario = parseScenario({
    name: 'ceiling',
    description: 'A generator against a server that does nothing',
    question: 'What does the generator reach?',
    badSign: 'None.',
    connections,
    load,
    phases: { warmUp, ...(steady !== undefined && { steady }), drain: '2s' },
  });
  return compileScenario(scenario);
}

async function drive(
  pair: number,
  plan: LoadPlan,
  sink: SecondsSink,
  { startAgent, clock, signal }: CeilingOptions,
  stop: AbortSignal = signal,
): ReturnType<typeof runLoad> {
  const server = await forkNullServer();
  try {
    const run: RunOptions = {
      plan,
      target: server.target,
      node: { shards: 0, store: 'none', durability: 'none' },
      storeDirectory: null,
      driver: REFERENCE_DRIVER,
      authSecret: null,
      agents: 1,
      startAgent: () => startAgent(pair),
      runId: `ceiling-${pair}`,
      name: 'ceiling',
      tags: {},
      clock,
      sink,
      judgeThresholds: false,
      onReady: async () => {},
      onProgress: () => {},
      onNotice: () => {},
      signal: AbortSignal.any([signal, stop]),
    };
    return await runLoad(run);
  } finally {
    await server.stop();
  }
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
