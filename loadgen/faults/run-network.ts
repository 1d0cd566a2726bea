/**
 * A network of the run's own: the node lives in a network namespace, a pair of virtual Ethernet devices leads to it, and what a
 * fault does to packets it does to these devices. Nothing else on the machine is touched. Linux, with the right to make namespaces.
 *
 * Addresses are of 198.18.0.0/15, which RFC 2544 sets aside for benchmarks. Names carry the process id of the run, so that what a
 * killed run left behind is known for what it is and swept by the next.
 */
import { readdirSync } from 'node:fs';
import { runCommand, tryCommand } from './commands.ts';
import { FaultError } from './fault.ts';
import { processOf } from './node-process.ts';
import type { PacketDelay } from './packet-relay.ts';
import { startRelayThread } from './packet-relay-thread.ts';
import { RelayedPath } from './relayed-path.ts';

export interface RunNetworkOptions {
  /** Packets are to be delayed at some time. */
  delays: boolean;
  /** Where the kernel can't delay packets itself. Default: a thread. */
  startRelay?: typeof startRelayThread;
}

const NAMESPACE = /^plimsoll-(\d+)$/;
const MAC = { agents: '02:00:00:00:00:01', node: '02:00:00:00:00:02' } as const;
/** Blocks of eight addresses: agents and node have two each. */
const BLOCKS = 16_384;

export class RunNetwork {
  /** Where the node is to listen, and where the agents find it. */
  readonly nodeAddress: string;
  readonly namespace = `plimsoll-${process.pid}`;
  #here = `plm${process.pid}`;
  #there = `plm${process.pid}n`;
  #relayed: RelayedPath | null = null;
  #isCut = false;
  #delay: PacketDelay | null = null;

  /** Throws FaultError. */
  static create(options: RunNetworkOptions): RunNetwork {
    sweepNetworks();
    const address = freeBlock(process.pid);
    const network = new RunNetwork(address(2));
    try {
      network.#build(address, options);
    } catch (error) {
      network.remove();
      throw error;
    }
    return network;
  }

  private constructor(nodeAddress: string) {
    this.nodeAddress = nodeAddress;
  }

  /** Delayed packets go through a process. */
  get relays(): boolean {
    return this.#relayed !== null;
  }

  /** A command as it has to be started to run at the node's end; it keeps its process id. */
  command(command: string, args: readonly string[]): [command: string, args: string[]] {
    return ['ip', ['netns', 'exec', this.namespace, command, ...args]];
  }

  /** Every packet vanishes, without an error for anybody. Throws FaultError. */
  cut(on: boolean): void {
    this.#isCut = on;
    this.#apply();
  }

  /** Each way. Rejects with FaultError. */
  async delay(delay: PacketDelay): Promise<void> {
    this.#delay = delay;
    await this.#relayed?.use(delay);
    this.#apply();
  }

  undelay(): void {
    if (this.#delay === null) return;
    this.#delay = null;
    this.#relayed?.leave();
    this.#apply();
  }

  /** Harmless when it is gone. */
  remove(): void {
    this.#relayed?.remove();
    this.#relayed = null;
    removeNetwork(process.pid);
  }

  #build(address: (index: number) => string, { delays, startRelay = startRelayThread }: RunNetworkOptions): void {
    const { namespace } = this;
    runCommand('ip', 'netns', 'add', namespace);
    const peer = ['peer', 'name', this.#there, 'address', MAC.node, 'netns', namespace];
    runCommand('ip', 'link', 'add', this.#here, 'address', MAC.agents, 'type', 'veth', ...peer);
    for (const [device, own, others, mac] of [
      [this.#here, [1, 3], [2, 4], MAC.node],
      [this.#there, [2, 4], [1, 3], MAC.agents],
    ] as const) {
      const ip = device === this.#here ? ['ip'] : ['ip', '-n', namespace];
      const run = (...args: string[]): string => runCommand(ip[0]!, ...ip.slice(1), ...args);
      for (const index of own) run('addr', 'add', `${address(index)}/29`, 'dev', device);
      run('link', 'set', device, 'up');
      // Known for good: nobody asks for an address while the network is cut, and gets an error for want of an answer.
      for (const index of others)
        run('neigh', 'replace', address(index), 'lladdr', mac, 'nud', 'permanent', 'dev', device);
    }
    runCommand('ip', '-n', namespace, 'link', 'set', 'lo', 'up');
    if (delays && !this.#hasNetem())
      this.#relayed = new RelayedPath({ namespace, device: this.#here, address, startRelay });
  }

  #hasNetem(): boolean {
    const known = tryCommand('tc', 'qdisc', 'add', 'dev', this.#here, 'root', 'netem', 'delay', '1ms');
    if (known) runCommand('tc', 'qdisc', 'del', 'dev', this.#here, 'root');
    return known;
  }

  #apply(): void {
    const discipline = this.#isCut ? ['blackhole'] : this.#delay && !this.#relayed ? netem(this.#delay) : null;
    const path = this.#relayed?.devices ?? { here: [], there: [] };
    for (const [prefix, devices] of [
      [[], [this.#here, ...path.here]],
      [
        ['-n', this.namespace],
        [this.#there, ...path.there],
      ],
    ] as const) {
      for (const device of devices) {
        // From one kind to another there is no replacing; nothing passes meanwhile either way.
        tryCommand('tc', ...prefix, 'qdisc', 'del', 'dev', device, 'root');
        if (discipline !== null) runCommand('tc', ...prefix, 'qdisc', 'add', 'dev', device, 'root', ...discipline);
      }
    }
  }
}

/** Arguments of tc-netem(8). Its queue must hold what is under way: at 1,000 packets, its default, it would lose the rest. */
export function netem({ delayMs, jitterMs, loss }: PacketDelay): string[] {
  const jitter = jitterMs > 0 ? [`${jitterMs}ms`] : [];
  const lost = loss > 0 ? ['loss', `${loss * 100}%`] : [];
  return ['netem', 'limit', '100000', 'delay', `${delayMs}ms`, ...jitter, ...lost];
}

/** Networks of runs that are gone. */
export function sweepNetworks(): void {
  for (const name of namespaces()) {
    const owner = Number(NAMESPACE.exec(name)?.[1] ?? Number.NaN);
    if (Number.isInteger(owner) && processOf(owner) === null) removeNetwork(owner);
  }
}

function removeNetwork(owner: number): void {
  for (const device of [`plm${owner}`, `plm${owner}x`]) tryCommand('ip', 'link', 'del', device);
  tryCommand('ip', 'netns', 'del', `plimsoll-${owner}`);
}

function namespaces(): string[] {
  try {
    return readdirSync('/run/netns');
  } catch {
    return [];
  }
}

/** A block that leads nowhere yet; `address(index)` of its eight. */
function freeBlock(first: number): (index: number) => string {
  for (let tried = 0; tried < 64; tried++) {
    const at = ((first + tried) % BLOCKS) * 8;
    const address = (index: number): string => `198.${18 + (at >> 16)}.${(at >> 8) & 255}.${(at & 255) + index}`;
    if (runCommand('ip', 'route', 'show', 'to', 'root', `${address(0)}/29`).trim() === '') return address;
  }
  throw new FaultError('no addresses of 198.18.0.0/15 are free for the network of the run');
}
