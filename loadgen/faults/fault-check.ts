/** Whether a scenario's faults can be done here at all: rights and reach, looked at before anything is started. */
import { platform } from 'node:os';
import { CAPABILITY, hasCapability } from './commands.ts';
import { type CheckedFault, FaultError } from './fault.ts';

export interface FaultFacts {
  /** The node is one that this run starts. */
  embedded: boolean;
  /** Agents are processes of this machine. */
  localAgents: boolean;
  /** The store is the run's own and temporary: nobody named its place. */
  ownStore: boolean;
  store: 'level' | 'memory';
  connections: number;
  shards: number;
  /** Default: what this process may do. */
  may?: { network: boolean; mount: boolean };
}

/** Local ports towards one address and port, of which each connection takes one. */
const CONNECTIONS_PER_SHARD = 25_000;

/** Throws FaultError with one sentence about the first fault that can't be done. */
export function checkFaults(faults: readonly CheckedFault[], facts: FaultFacts): void {
  for (const fault of faults) {
    const problem = problemOf(fault, facts);
    if (problem !== null) throw new FaultError(`the fault ${fault.kind} ${problem}`);
  }
  if (facts.embedded) checkShards(faults, facts.shards);
}

/** Throws FaultError when a fault names a shard process that the node won't have: no machine could do that. */
export function checkShards(faults: readonly CheckedFault[], shards: number): void {
  for (const fault of faults) {
    if (!('shard' in fault) || fault.shard < shards) continue;
    const there = shards === 1 ? 'the node has only shard 0' : `the node has only shards 0 to ${shards - 1}`;
    throw new FaultError(`the fault ${fault.kind} names shard ${fault.shard}, but ${there}`);
  }
}

function problemOf({ kind }: CheckedFault, facts: FaultFacts): string | null {
  const { embedded, may = rightsHere() } = facts;
  if (kind === 'kill-shard' || kind === 'freeze-shard') {
    if (!embedded) return 'acts on processes of a node that the run starts itself: leave out --target';
  } else if (kind === 'cut-network' || kind === 'delay-network') {
    if (!embedded) return 'acts on the network to a node that the run starts itself: leave out --target';
    if (!facts.localAgents) return 'acts on the network between processes of one machine: leave out --control';
    if (platform() !== 'linux') return 'needs network namespaces, which only Linux has';
    if (!may.network) {
      return 'needs the right to make network namespaces (CAP_NET_ADMIN and CAP_SYS_ADMIN): run as root, or leave the fault out';
    }
    if (facts.connections > CONNECTIONS_PER_SHARD * facts.shards) {
      return (
        `goes over one network address, which gives at most ${CONNECTIONS_PER_SHARD.toLocaleString('en-US')} connections to ` +
        'each shard process: use fewer connections or more --shards'
      );
    }
  } else if (kind === 'message-store-outage') {
    if (!embedded) return 'acts on the disk of a node that the run starts itself: leave out --target';
    if (facts.store === 'memory') return 'needs a store on a disk, not memory:';
    if (!facts.ownStore) return 'needs a store of the run’s own: leave out --store and --data, and server.store';
    if (platform() !== 'linux') return 'needs a file system of its own, which is made on Linux only';
    if (!may.mount)
      return 'needs the right to mount a file system (CAP_SYS_ADMIN): run as root, or leave the fault out';
  }
  return null;
}

function rightsHere(): { network: boolean; mount: boolean } {
  const mount = hasCapability(CAPABILITY.sysAdmin);
  return { mount, network: mount && hasCapability(CAPABILITY.netAdmin) };
}
