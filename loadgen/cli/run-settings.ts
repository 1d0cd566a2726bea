/** What a run is given: its scenario and its flags, read, fitted to this machine, and found possible before anything starts. */

import type { LiveAddress } from '../../reports/live/live-server.ts';
import { readAddress } from '../control/nats-line.ts';
import { loadDriver, REFERENCE_DRIVER } from '../drivers/driver-loader.ts';
import type { MetricsPlace } from '../exposition/metrics-server.ts';
import { FaultSchedule } from '../faults/fault-schedule.ts';
import { compileScenario, type Durability, type LoadPlan } from '../population/load-plan.ts';
import { type LoadedScenario, loadScenario } from '../scenario-loader.ts';
import { formatCount } from '../units.ts';
import { checkMachine } from './doctor-checks.ts';
import { readMachineFacts } from './doctor-facts.ts';
import { planProcesses } from './doctor-plan.ts';
import { UsageError } from './exit-codes.ts';
import {
  readBytes,
  readCount,
  readDuration,
  readMetricsPlace,
  readRate,
  readTags,
  readTarget,
  readWhole,
} from './flags.ts';
import { readLive } from './live-flag.ts';
import { checkOutputs } from './output-places.ts';
import { type EmbeddedNodePlan, embeddedNode } from './run-data.ts';
import type { RunArguments } from './run-flags.ts';
import { createRunId } from './run-id.ts';

export interface RunSettings {
  runId: string;
  /** The moment that the run id has. */
  startedAtMs: number;
  name: string;
  tags: Record<string, string>;
  loaded: LoadedScenario;
  plan: LoadPlan;
  /** Null: a node is started here. */
  target: string | null;
  driver: string;
  /** Null: agents are processes of this one. */
  control: AgentControl | null;
  /** 0 of what is not started here. */
  processes: { shards: number; agents: number };
  node: EmbeddedNodePlan;
  /** Null: no page. */
  liveAddress: LiveAddress | null;
  metricsPlace: MetricsPlace | undefined;
  spoolLimit: number;
}

/** How agents on other machines are reached. */
export interface AgentControl {
  url: string;
  waitMs: number;
  silenceMs: number;
}

/** Rejects with an error that says what is wrong with the flags, the scenario or the machine; nothing was started then. */
export async function readRunSettings(argv: RunArguments): Promise<RunSettings> {
  const loaded = await loadScenario(argv.scenario);
  const plan = planOf(argv, loaded);
  const target = readTarget(argv.target);
  const tags = readTags(argv.tag);
  const driver = argv.driver ?? plan.driver ?? REFERENCE_DRIVER;
  const liveAddress = readLive(argv.live);
  checkOutputs(argv);
  const spoolLimit = readBytes('spool-limit', argv.spoolLimit)!;
  await loadDriver(driver); // a module that does not load is found before anything starts
  const startedAtMs = Date.now();
  const runId = createRunId(plan.name, startedAtMs);
  const control = readControl(argv, target);
  const metricsPlace = readMetricsPlace(argv.metrics);
  const processes = processesFor(plan, target, control !== null);
  const node = embeddedNode(argv, plan, runId, processes.shards);
  FaultSchedule.check(plan.faults, {
    embedded: target === null,
    localAgents: control === null,
    ownStore: argv.store === undefined && argv.data === undefined && plan.server.store === null,
    store: node.storeDirectory === null ? 'memory' : 'level',
    connections: plan.connections,
    shards: processes.shards,
  });
  const name = argv.name ?? plan.name;
  return {
    ...{ runId, startedAtMs, name, tags, loaded, plan, target, driver, control, processes, node },
    ...{ liveAddress, metricsPlace, spoolLimit },
  };
}

function planOf(argv: RunArguments, { scenario, samples }: LoadedScenario): LoadPlan {
  const plan = compileScenario(
    scenario,
    {
      connections: readCount('connections', argv.connections),
      durationMs: readDuration('duration', argv.duration),
      rate: readRate('rate', argv.rate),
      seed: argv.seed,
      shards: readWhole('shards', argv.shards, 1, 1_000),
      agents: readWhole('agents', argv.agents, 1, 1_000),
      durability: argv.durability as Durability | undefined,
    },
    samples,
  );
  return { ...plan, description: describeRun(plan.description, argv) };
}

/** A scenario's description fits its own numbers: says which the command line changed. */
function describeRun(description: string, argv: RunArguments): string {
  const changes = (['connections', 'rate', 'duration'] as const).flatMap((flag) =>
    argv[flag] === undefined ? [] : [`--${flag} ${argv[flag]}`],
  );
  return changes.length === 0 ? description : `${description} (changed: ${changes.join(', ')})`;
}

function readControl(argv: RunArguments, target: string | null): AgentControl | null {
  if (argv.control === undefined) return null;
  readAddress(argv.control);
  if (target === null) {
    throw new UsageError(
      '--control needs --target ws://host:port: agents on other machines can’t reach a node that is started here',
    );
  }
  const waitMs = readDuration('agent-wait', argv.agentWait)!;
  const silenceMs = readDuration('agent-silence', argv.agentSilence)!;
  if (silenceMs < 3_000) throw new UsageError(`--agent-silence must be 3s or more, not "${argv.agentSilence}"`);
  return { url: argv.control, waitMs, silenceMs };
}

function processesFor(plan: LoadPlan, target: string | null, remote: boolean): { shards: number; agents: number } {
  if (remote) return { shards: 0, agents: 0 };
  const facts = readMachineFacts(process.cwd());
  const planned = planProcesses(plan.connections, facts);
  const shards = plan.server.shards ?? planned.shards;
  const agents = plan.agents ?? planned.agents;
  const { largest } = checkMachine(facts, plan.connections);
  if (target === null && plan.connections > largest.connections) {
    throw new UsageError(
      `${formatCount(plan.connections)} connections are more than this machine can hold with both ends on it: ` +
        `${formatCount(largest.connections)}, bound by ${largest.name}; "plimsoll doctor" says how to raise that`,
    );
  }
  if (agents > plan.users)
    throw new UsageError(`${agents} agents are more than the ${plan.users} users of the scenario`);
  return { shards: target === null ? shards : 0, agents };
}
