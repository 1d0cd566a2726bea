/** What a machine allows, judged against a number of connections. Pure functions over MachineFacts. */
import { formatBytes, formatCount, formatNumber } from '../units.ts';
import type { MachineFacts } from './doctor-facts.ts';
import {
  type ConnectionLimit,
  connectionLimits,
  connectionsPerProcess,
  planProcesses,
  usableCores,
  usableMemoryBytes,
} from './doctor-plan.ts';

export interface MachineCheck {
  name: string;
  value: string;
  /** `fail`: Plimsoll does not run, or not with so many connections; `warn`: figures will suffer. */
  state: 'ok' | 'warn' | 'fail';
  /** What follows from the value. */
  meaning: string;
  /** What to do; null when it is ok. */
  remedy: string | null;
}

export interface MachineReport {
  checks: MachineCheck[];
  /** The connections judged against. */
  connections: number;
  /** Most connections with both ends here, and what binds. */
  largest: ConnectionLimit;
  processes: { shards: number; agents: number };
}

/** The connections of the main scenario. */
export const CONNECTIONS_DEFAULT = 50_000;

export function checkMachine(facts: MachineFacts, connections: number = CONNECTIONS_DEFAULT): MachineReport {
  return {
    checks: [
      nodeCheck(facts),
      webSocketsCheck(facts),
      coresCheck(facts),
      memoryCheck(facts, connections),
      descriptorsCheck(facts, connections),
      systemDescriptorsCheck(facts, connections),
      portsCheck(facts, connections),
      backlogCheck(facts),
      tcpMemoryCheck(facts),
      conntrackCheck(facts, connections),
      syncCheck(facts),
      { name: 'kernel', value: facts.kernel, state: 'ok', meaning: 'recorded with every run', remedy: null },
    ],
    connections,
    largest: connectionLimits(facts)[0]!,
    processes: planProcesses(connections, facts),
  };
}

/** `warn` or `fail` with its remedy, unless the condition holds. */
function check(
  name: string,
  value: string,
  meaning: string,
  bad: { state: 'warn' | 'fail'; remedy: string } | false,
): MachineCheck {
  return bad ? { name, value, meaning, ...bad } : { name, value, meaning, state: 'ok', remedy: null };
}

function nodeCheck({ node }: MachineFacts): MachineCheck {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  const fits = (major === 20 && minor >= 19) || (major === 22 && minor >= 12);
  return check(
    'Node.js',
    node,
    fits ? 'supported' : 'not supported',
    !fits && { state: 'fail', remedy: 'install Node 20.19 or newer of 20, or 22.12 or newer of 22' },
  );
}

function webSocketsCheck({ webSockets, glibc }: MachineFacts): MachineCheck {
  return check(
    'uWebSockets.js',
    webSockets.ok ? 'loads' : 'does not load',
    webSockets.ok ? `the binary fits this platform${glibc ? ` (glibc ${glibc})` : ''}` : webSockets.reason,
    !webSockets.ok && {
      state: 'fail',
      remedy: 'run "npm ci" with optional dependencies, on Linux (glibc 2.27 or newer), macOS or Windows',
    },
  );
}

function coresCheck(facts: MachineFacts): MachineCheck {
  const cores = usableCores(facts);
  const value =
    facts.cgroupCores !== null && facts.cgroupCores < facts.cores
      ? `${formatNumber(cores)} (limit of the container; ${facts.cores} in all)`
      : String(cores);
  return check(
    'cores',
    value,
    'shared by server and generator when both run here',
    cores < 2 && {
      state: 'warn',
      remedy: 'use 2 cores or more, or drive a server on another machine with --target',
    },
  );
}

function memoryCheck(facts: MachineFacts, connections: number): MachineCheck {
  const limit = connectionLimits(facts).find(({ name }) => name === 'memory')!.connections;
  return check(
    'memory',
    `${formatBytes(usableMemoryBytes(facts))} free of ${formatBytes(facts.cgroupMemoryBytes ?? facts.memoryBytes)}`,
    `room for ${formatCount(limit)} connections with both ends here`,
    limit < connections && {
      state: 'fail',
      remedy: 'free memory, raise the limit of the container, or open fewer connections (-c)',
    },
  );
}

function descriptorsCheck(facts: MachineFacts, connections: number): MachineCheck {
  const perProcess = connectionsPerProcess(facts);
  const limit = connectionLimits(facts).find(({ name }) => name === 'descriptors per process')!.connections;
  const { shards, agents } = planProcesses(connections, facts);
  return check(
    'descriptors',
    `${count(facts.descriptorsSoft)} soft, ${count(facts.descriptorsHard)} hard`,
    `${count(perProcess)} connections a process: ${formatCount(connections)} take ${shards} shard and ${agents} agent processes`,
    limit < connections
      ? { state: 'fail', remedy: 'raise the hard limit: "ulimit -Hn 1048576" as root, or LimitNOFILE= of the service' }
      : facts.descriptorsHard < 4096 && { state: 'warn', remedy: 'raise the hard limit: "ulimit -Hn 1048576" as root' },
  );
}

function systemDescriptorsCheck({ systemDescriptors }: MachineFacts, connections: number): MachineCheck {
  if (!systemDescriptors) return unknown('open files of the machine');
  const free = systemDescriptors.max - systemDescriptors.used;
  return check(
    'open files of the machine',
    `${formatCount(systemDescriptors.used)} of ${count(systemDescriptors.max)}`,
    `${formatCount(connections)} connections take ${formatCount(2 * connections)}`,
    free < 2.2 * connections && {
      state: 'fail',
      remedy: `sysctl -w fs.file-max=${Math.ceil(3 * connections + systemDescriptors.used)}`,
    },
  );
}

function portsCheck({ ephemeralPorts }: MachineFacts, connections: number): MachineCheck {
  if (!ephemeralPorts) return unknown('ephemeral ports');
  const ports = ephemeralPorts.last - ephemeralPorts.first + 1;
  return check(
    'ephemeral ports',
    `${ephemeralPorts.first}–${ephemeralPorts.last}`,
    `${formatCount(ports)} connections to one address and port; ${formatCount(connections)} take ${Math.ceil(connections / ports)} addresses`,
    ports < 16_000 && { state: 'warn', remedy: 'sysctl -w net.ipv4.ip_local_port_range="10240 65535"' },
  );
}

function backlogCheck({ listenBacklog }: MachineFacts): MachineCheck {
  if (listenBacklog === null) return unknown('listen backlog');
  return check(
    'listen backlog',
    formatCount(listenBacklog),
    'connections that may wait to be accepted',
    listenBacklog < 1024 && { state: 'warn', remedy: 'sysctl -w net.core.somaxconn=4096' },
  );
}

function tcpMemoryCheck({ tcpMemoryBytes }: MachineFacts): MachineCheck {
  if (tcpMemoryBytes === null) return unknown('TCP memory');
  return check(
    'TCP memory',
    formatBytes(tcpMemoryBytes),
    'for data that waits in sockets',
    tcpMemoryBytes < 128 * 2 ** 20 && { state: 'warn', remedy: 'sysctl -w net.ipv4.tcp_mem="65536 131072 262144"' },
  );
}

function conntrackCheck({ conntrack }: MachineFacts, connections: number): MachineCheck {
  const name = 'connection tracking';
  if (!conntrack) return check(name, 'off', 'does not limit connections', false);
  const value = `${formatCount(conntrack.used)} of ${formatCount(conntrack.max)}`;
  if (conntrack.used === 0) return check(name, value, 'there, but tracks nothing', false);
  return check(
    name,
    value,
    'a full table drops new connections silently',
    conntrack.max - conntrack.used < 1.1 * connections && {
      state: 'fail',
      remedy: `sysctl -w net.netfilter.nf_conntrack_max=${Math.ceil(2 * connections + conntrack.used)}`,
    },
  );
}

function syncCheck({ sync }: MachineFacts): MachineCheck {
  if ('error' in sync) {
    return check('disk sync', 'not possible', sync.error, {
      state: 'fail',
      remedy: `make ${sync.directory} writable, or name another with --data`,
    });
  }
  return check(
    'disk sync',
    `${formatNumber(sync.medianMs)} ms, slowest ${formatNumber(sync.maxMs)} ms`,
    `what "sent" waits for with --durability fsync in ${sync.directory}`,
    (sync.medianMs > 10 || sync.maxMs > 100) && {
      state: 'warn',
      remedy: 'put the data on a faster disk (--data), or promise less (--durability os)',
    },
  );
}

function unknown(name: string): MachineCheck {
  return {
    name,
    value: 'unknown',
    state: 'warn',
    meaning: 'this system does not tell',
    remedy: 'watch for failed connections',
  };
}

function count(value: number): string {
  return value === Number.POSITIVE_INFINITY || value > 1e12 ? 'unlimited' : formatCount(value);
}
