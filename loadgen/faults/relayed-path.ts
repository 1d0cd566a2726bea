/**
 * A second way between agents and node that leads through user space, for kernels without netem: a pair of VXLAN devices whose
 * packets go to a relay here and from it to the other device. While it is used the routes to either address point to it; open
 * connections follow, as they follow any change of a route.
 */
import { runCommand, tryCommand } from './commands.ts';
import type { PacketDelay } from './packet-relay.ts';
import type { RunningRelay, startRelayThread } from './packet-relay-thread.ts';

export interface RelayedPathOptions {
  namespace: string;
  /** The agents' end of the plain way. */
  device: string;
  /** 1 and 2: agents and node. 3 and 4: their ends of the plain way, over which VXLAN goes. */
  address: (index: number) => string;
  startRelay: typeof startRelayThread;
}

const NETWORK_ID = '77';
/** In the node's namespace, where the devices live that hand packets over. */
const PORT = { agents: 4_789, node: 4_790 } as const;
/** Here, at the relay. */
const RELAY_PORT = { agents: 14_789, node: 14_790 } as const;
const MAC = { agents: '02:00:00:00:01:01', node: '02:00:00:00:01:02' } as const;
const ANY_MAC = '00:00:00:00:00:00';
/** As on the plain way, so that connections need not learn another. */
const MTU = '1500';

export class RelayedPath {
  #options: RelayedPathOptions;
  #here: string;
  #there: string;
  #relay: RunningRelay | null = null;
  #used = false;

  /** Throws FaultError. */
  constructor(options: RelayedPathOptions) {
    this.#options = options;
    this.#here = `${options.device}x`;
    this.#there = `${options.device}y`;
    this.#build();
  }

  get devices(): { here: string[]; there: string[] } {
    return this.#used ? { here: [this.#here], there: [this.#there] } : { here: [], there: [] };
  }

  /** Rejects with FaultError. */
  async use(delay: PacketDelay): Promise<void> {
    const { address, namespace, startRelay } = this.#options;
    this.#relay?.stop();
    this.#used = true;
    const relay = await startRelay(delay, [
      { address: address(3), port: RELAY_PORT.agents, to: { address: address(4), port: PORT.node } },
      { address: address(3), port: RELAY_PORT.node, to: { address: address(4), port: PORT.agents } },
    ]);
    if (!this.#used) return relay.stop();
    this.#relay = relay;
    runCommand('ip', 'route', 'replace', `${address(2)}/32`, 'dev', this.#here, 'src', address(1));
    runCommand('ip', '-n', namespace, 'route', 'replace', `${address(1)}/32`, 'dev', this.#there, 'src', address(2));
  }

  /** What is still held up is lost, and sent again by TCP. */
  leave(): void {
    const { address, namespace } = this.#options;
    if (!this.#used) return;
    this.#used = false;
    tryCommand('ip', 'route', 'del', `${address(2)}/32`, 'dev', this.#here);
    tryCommand('ip', '-n', namespace, 'route', 'del', `${address(1)}/32`, 'dev', this.#there);
    this.#relay?.stop();
    this.#relay = null;
  }

  remove(): void {
    this.leave();
    tryCommand('ip', 'link', 'del', this.#here);
  }

  #build(): void {
    const { namespace, address } = this.#options;
    // Both are made at the node's end: between addresses of one namespace the kernel would hand packets over by itself.
    const end = (name: string, mac: string, port: number): void => {
      const vxlan = ['type', 'vxlan', 'id', NETWORK_ID, 'dstport', String(port), 'local', address(4), 'nolearning'];
      runCommand('ip', '-n', namespace, 'link', 'add', name, 'address', mac, ...vxlan);
    };
    end(this.#here, MAC.agents, PORT.agents);
    end(this.#there, MAC.node, PORT.node);
    runCommand('ip', '-n', namespace, 'link', 'set', this.#here, 'netns', String(process.pid));
    const bring = (within: string[], name: string, relayPort: number, peer: string, peerMac: string): void => {
      // One packet at a time: the relay does not take segments apart.
      runCommand('ip', ...within, 'link', 'set', name, 'mtu', MTU, 'gso_max_segs', '1', 'up');
      const relay = ['dst', address(3), 'port', String(relayPort)];
      runCommand('bridge', ...within, 'fdb', 'append', ANY_MAC, 'dev', name, ...relay);
      runCommand('ip', ...within, 'neigh', 'replace', peer, 'lladdr', peerMac, 'nud', 'permanent', 'dev', name);
    };
    bring([], this.#here, RELAY_PORT.agents, address(2), MAC.node);
    bring(['-n', namespace], this.#there, RELAY_PORT.node, address(1), MAC.agents);
  }
}
