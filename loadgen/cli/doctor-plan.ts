/** How many processes a number of connections needs on this machine, and how many connections it can hold at all. Pure. */
import type { MachineFacts } from './doctor-facts.ts';

type PlanFacts = Pick<
  MachineFacts,
  | 'cores'
  | 'cgroupCores'
  | 'memoryAvailableBytes'
  | 'cgroupMemoryBytes'
  | 'descriptorsHard'
  | 'systemDescriptors'
  | 'ephemeralPorts'
  | 'conntrack'
>;

/** Both ends of a connection with what the kernel keeps for them: 8 KB in the server, 12 KB in the generator. */
const CONNECTION_BYTES = 20 * 1024;
/** What processes need before the first connection: a Node process each, and the results store. */
const PROCESS_BYTES = 70e6;
const RESULTS_STORE_BYTES = 500e6;
/** More processes than this per core and side only take time from each other. */
const PROCESSES_PER_CORE_MAX = 32;
/** Loopback addresses over which connections can be spread, 127.0.0.2 to 127.0.0.254; each has the port range to itself. */
const LOOPBACK_ADDRESSES = 253;

/** Shards and agents for so many connections on this machine: half the cores each, more where descriptors ask for it. */
export function planProcesses(connections: number, facts: PlanFacts): { shards: number; agents: number } {
  const wanted = Math.max(1, Math.floor(usableCores(facts) / 2), Math.ceil(connections / connectionsPerProcess(facts)));
  const processes = Math.max(1, Math.min(wanted, connections));
  return { shards: processes, agents: processes };
}

/**
 * Connections that one process may hold: its descriptors less a spare for files and for an uneven spread over processes: 10%,
 * at least 1,000, at most half.
 */
export function connectionsPerProcess(facts: Pick<MachineFacts, 'descriptorsHard'>): number {
  const limit = facts.descriptorsHard;
  if (limit === Number.POSITIVE_INFINITY) return limit;
  return Math.max(1, Math.floor(limit - Math.min(Math.max(limit * 0.1, 1000), limit / 2)));
}

export interface ConnectionLimit {
  /** What binds: `memory`, `descriptors`, … */
  name: string;
  connections: number;
}

/** Both ends on this machine: the number of connections each resource allows, the tightest first. */
export function connectionLimits(facts: PlanFacts): ConnectionLimit[] {
  const limits: ConnectionLimit[] = [
    { name: 'memory', connections: memoryConnections(facts) },
    {
      name: 'descriptors per process',
      connections: connectionsPerProcess(facts) * Math.ceil(usableCores(facts)) * PROCESSES_PER_CORE_MAX,
    },
  ];
  const { systemDescriptors, ephemeralPorts, conntrack } = facts;
  if (systemDescriptors) {
    limits.push({
      name: 'descriptors of the machine',
      connections: ((systemDescriptors.max - systemDescriptors.used) * 0.9) / 2,
    });
  }
  if (ephemeralPorts) {
    limits.push({ name: 'ports', connections: (ephemeralPorts.last - ephemeralPorts.first + 1) * LOOPBACK_ADDRESSES });
  }
  // A table that is there but has nothing in it is not in use: no firewall rule asks for tracking.
  if (conntrack && conntrack.used > 0)
    limits.push({ name: 'connection tracking', connections: (conntrack.max - conntrack.used) * 0.9 });
  return limits
    .map(({ name, connections }) => ({ name, connections: Math.max(0, Math.floor(connections)) }))
    .sort((a, b) => a.connections - b.connections);
}

/** Cores that may be used, fractions included. */
export function usableCores(facts: Pick<MachineFacts, 'cores' | 'cgroupCores'>): number {
  return Math.min(facts.cores, facts.cgroupCores ?? facts.cores);
}

/** Memory that may be used. */
export function usableMemoryBytes(facts: Pick<MachineFacts, 'memoryAvailableBytes' | 'cgroupMemoryBytes'>): number {
  return Math.min(facts.memoryAvailableBytes, facts.cgroupMemoryBytes ?? facts.memoryAvailableBytes);
}

/** C = (0.7 × memory − results store) ÷ (bytes a connection + its part of two processes). */
function memoryConnections(facts: PlanFacts): number {
  const perProcess = connectionsPerProcess(facts);
  return (
    (0.7 * usableMemoryBytes(facts) - RESULTS_STORE_BYTES - 2 * PROCESS_BYTES) /
    (CONNECTION_BYTES + (2 * PROCESS_BYTES) / perProcess)
  );
}
