/** What the coordinator reads of the machine it runs on. */
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import type { GaugeRow } from '../recorder/samples.ts';
import type { RunSummary } from '../recorder/summary.ts';

const PAGE_BYTES = 4_096;

export interface KernelMemory {
  /** Slab memory: sockets, inodes, dentries. Outside of any process's resident memory. */
  slabBytes: number;
  /** Socket buffers of TCP. */
  socketBytes: number;
}

/** Zero where the kernel does not tell (not Linux). */
export function readKernelMemory(): KernelMemory {
  try {
    const slab = /^Slab:\s+(\d+) kB/m.exec(readFileSync('/proc/meminfo', 'utf8'));
    const sockets = /^TCP: .* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'));
    return { slabBytes: Number(slab?.[1] ?? 0) * 1_024, socketBytes: Number(sockets?.[1] ?? 0) * PAGE_BYTES };
  } catch {
    return { slabBytes: 0, socketBytes: 0 };
  }
}

export function kernelGauges(atMs: number): GaugeRow[] {
  const { slabBytes, socketBytes } = readKernelMemory();
  return [
    { atMs, source: 'machine', metric: 'kernel_slab_bytes', value: slabBytes },
    { atMs, source: 'machine', metric: 'kernel_socket_bytes', value: socketBytes },
  ];
}

/** Is the server at this address on the generator's own machine? Then they share its kernel memory. */
export function sharesMachine(target: string): boolean {
  return /\/\/(localhost|127\.|\[::1\])/.test(target);
}

export function describeMachine(sharedMachine: boolean): RunSummary['metadata']['machine'] {
  const processors = cpus();
  return {
    cores: processors.length,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    node: process.version,
    kernel: release(),
    descriptorLimit: descriptorLimit(),
    sharedMachine,
  };
}

export function descriptorLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
