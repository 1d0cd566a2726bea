/** Was the generator on time, and if not, what kept it: its own work, or others that had the machine? Pure. */
import { DEFAULT_OBJECTIVE_MS, METHOD, round } from './method.ts';

/** The machine of coordinator and agents in one steady second: cores. */
export interface MachineSecond {
  /** By all processes; what the hypervisor kept is in it. */
  used: number;
  stolen: number;
  /** By the processes of this run. */
  ofRun: number;
}

export interface GeneratorInput {
  /** Tightest latency objective among the thresholds, ms; null: none. */
  objectiveMs: number | null;
  /** Per agent, one value a steady second: cores. */
  agentCpu: Map<string, number[]>;
  /** Per agent, event-loop delay p99 over the steady phase. */
  agentLoopDelayMs: Map<string, number>;
  slipP99Ms: number | null;
  faults: readonly unknown[];
  /** `agent` is the key of `agentCpu`, where it is known. */
  laggingAgents: Array<{ name: string; how: string; agent?: string }>;
  /** Null: not known, or the agents are elsewhere. */
  machine: { cores: number; seconds: MachineSecond[] } | null;
}

const MORE_AGENTS = 'use more agents or machines';

/** Sentences, each with its figure and what to do; empty when the generator is above suspicion. */
export function generatorSuspicions(input: GeneratorInput): string[] {
  const { agentCpu, slipP99Ms } = input;
  const objective = input.objectiveMs ?? DEFAULT_OBJECTIVE_MS;
  const limitMs = generatorLimitMs(input.objectiveMs);
  const beyond = `more than 5% of the ${objective} ms objective`;
  const remedy = remedies(input);
  const reasons: string[] = [];
  for (const [how, lagging] of byHow(input.laggingAgents)) {
    const known = lagging.flatMap(({ agent }) => agent ?? []);
    reasons.push(`${lagging.map(({ name }) => name).join(', ')} ${how}${remedy(known)}`);
  }
  const busy = [...agentCpu].flatMap(([agent, cores]) => {
    const share = cores.filter((value) => value > METHOD.agentCpuCores).length / Math.max(cores.length, 1);
    return share > METHOD.agentCpuShareOfSeconds ? [{ agent, value: share * 100 }] : [];
  });
  if (busy.length > 0) {
    reasons.push(
      `${names(busy)} used more than ${METHOD.agentCpuCores * 100}% of a core in ${most(busy)}% of the steady seconds; ${MORE_AGENTS}`,
    );
  }
  const held = [...input.agentLoopDelayMs].flatMap(([agent, value]) => (value > limitMs ? [{ agent, value }] : []));
  if (held.length > 0) {
    reasons.push(
      `${names(held)} could be held up for ${most(held)} ms (event-loop delay p99), ${beyond}${remedy(held.map(({ agent }) => agent))}`,
    );
  }
  if (slipP99Ms !== null && slipP99Ms > limitMs) {
    const share = input.faults.length > 0 ? 'p99 of the seconds that no fault disturbed' : 'send slip p99';
    const late = slipP99Ms.toLocaleString('en-US', { maximumSignificantDigits: 3 });
    reasons.push(`sends started ${late} ms late (${share}), ${beyond}${remedy([...agentCpu.keys()])}`);
  }
  return reasons;
}

/** So late, p99, the generator may be for a fail to count, ms. */
export function generatorLimitMs(objectiveMs: number | null): number {
  return (objectiveMs ?? DEFAULT_OBJECTIVE_MS) * METHOD.generatorShareOfObjective;
}

/** What befell several in the same way is said once. */
export function byHow<Agent extends { how: string }>(agents: readonly Agent[]): Array<[how: string, agents: Agent[]]> {
  const groups = new Map<string, Agent[]>();
  for (const agent of agents) groups.set(agent.how, [...(groups.get(agent.how) ?? []), agent]);
  return [...groups];
}

/** `; use more agents`, or what had the machine instead, which is said only once. */
function remedies({ agentCpu, machine }: GeneratorInput): (agents: readonly string[]) => string {
  let told = false;
  return (agents) => {
    const used = Math.max(...agents.map((agent) => meanOf(agentCpu.get(agent) ?? [])));
    // Of an agent that has not said what it uses, nothing can be told.
    if (!(used < METHOD.agentIdleCores)) return `; ${MORE_AGENTS}`;
    if (told) return '';
    told = true;
    const subject = agents.length === 1 ? 'it used' : 'the busiest used';
    return `; ${subject} ${round(Number(used.toFixed(2)))} of a core only: ${elsewhere(machine)}`;
  };
}

function elsewhere(machine: GeneratorInput['machine']): string {
  if (machine === null || machine.seconds.length === 0)
    return 'its machine may have been busy with something else; stop that, or use another machine';
  const { cores, seconds } = machine;
  const mean = (of: (second: MachineSecond) => number, among = seconds) => meanOf(among.map(of));
  const figure = (value: number) => `${round(Number(value.toFixed(1)))} of this machine’s ${cores} cores`;
  const full = seconds.filter(({ used }) => used > METHOD.machineFullShare * cores);
  const stolen = mean((second) => second.stolen);
  if (stolen > METHOD.machineStolenShare * cores)
    return `another virtual machine had ${figure(stolen)} (steal); use a machine of your own`;
  if (full.length <= METHOD.agentCpuShareOfSeconds * seconds.length)
    return `this machine had CPU to spare (${figure(mean(({ used }) => used))} in use), which leaves pauses of the process, a target driver that computes for long, or a machine that stands still`;
  const ofRun = mean((second) => second.ofRun, full);
  const others = mean(({ used }) => used, full) - ofRun;
  const share = `in ${round(Math.round((full.length / seconds.length) * 100))}% of the steady seconds`;
  return others > METHOD.machineOthersShare * cores
    ? `something else took ${figure(others)} ${share}; stop that, or use another machine`
    : `server and agents together took ${figure(ofRun)} ${share}; give the agents a machine of their own`;
}

interface Suspect {
  agent: string;
  value: number;
}

function names(suspects: Suspect[]): string {
  return suspects.map(({ agent }) => agent).join(', ');
}

/** `12`, or `up to 12` of several. */
function most(suspects: Suspect[]): string {
  const value = round(Math.max(...suspects.map((suspect) => suspect.value)));
  return suspects.length > 1 ? `up to ${value}` : value;
}

/** NaN of nothing. */
function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
