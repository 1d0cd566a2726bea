/**
 * Memory of server, generator and kernel, before the first connection and under load: the difference, per connection, is
 * what a connection costs. Kernel memory (slab and socket buffers) belongs to both ends when both are on this machine.
 */
import { MEMORY_CONNECTIONS_LEAST } from '../recorder/metrics.ts';
import type { GaugeRow } from '../recorder/samples.ts';
import type { AgentGroup } from './agent-group.ts';
import { readKernelMemory } from './machine.ts';
import type { NodeWatch } from './node-watch.ts';
import { nodeRssBytes } from './target-node.ts';

/** A smaller difference is what a heap breathes. */
const DIFFERENCE_LEAST_BYTES = 1e6;

interface Reading {
  serverBytes: number | null;
  generatorBytes: number;
  kernelBytes: number;
}

export interface MemoryPerConnection {
  server: number | null;
  generator: number | null;
  kernel: number | null;
}

export class MemoryProbe {
  #baseline: Reading | null = null;
  #loaded: (Reading & { connections: number }) | null = null;
  #watch: NodeWatch | null = null;
  #agents: AgentGroup | null = null;

  /** Server and agents are up and idle. */
  async takeBaseline(watch: NodeWatch, agents: AgentGroup): Promise<void> {
    this.#watch = watch;
    this.#agents = agents;
    // Both report once a second: wait until they have.
    const until = Date.now() + 3_000;
    const known = (): boolean =>
      agents.usage().rssBytes > 0 &&
      (watch.latest === null || watch.latest.shards.every(({ stats }) => stats !== null));
    while (!known() && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
    this.#baseline = this.#read();
  }

  /** All connections are open and have been used for a while. */
  takeLoaded(connections: number): void {
    this.#loaded = { ...this.#read(), connections };
  }

  /**
   * Null where nothing was measured: too few connections, or a difference within the noise. A run that was cut short before its
   * steady phase has no figures.
   */
  perConnection(): MemoryPerConnection {
    const before = this.#baseline;
    const after = this.#loaded;
    if (before === null || after === null || after.connections < MEMORY_CONNECTIONS_LEAST)
      return { server: null, generator: null, kernel: null };
    const share = (from: number, to: number): number | null =>
      to - from < DIFFERENCE_LEAST_BYTES ? null : (to - from) / after.connections;
    return {
      server:
        before.serverBytes === null || after.serverBytes === null ? null : share(before.serverBytes, after.serverBytes),
      generator: share(before.generatorBytes, after.generatorBytes),
      kernel: share(before.kernelBytes, after.kernelBytes),
    };
  }

  /** The same as rows; none of what was not measured. The kernel's only where it is both ends'. */
  gauges(atMs: number, sharedMachine: boolean): GaugeRow[] {
    const { server, generator, kernel } = this.perConnection();
    const figures = [
      ['server_memory_bytes_per_connection', server],
      ['generator_memory_bytes_per_connection', generator],
      ['kernel_memory_bytes_per_connection', sharedMachine ? kernel : null],
    ] as const;
    return figures.flatMap(([metric, value]) => (value === null ? [] : [{ atMs, source: 'run', metric, value }]));
  }

  #read(): Reading {
    const kernel = readKernelMemory();
    const report = this.#watch?.latest ?? null;
    return {
      serverBytes: report === null ? null : nodeRssBytes(report),
      generatorBytes: this.#agents?.usage().rssBytes ?? 0,
      kernelBytes: kernel.slabBytes + kernel.socketBytes,
    };
  }
}
