/** What is known of this machine, as read from the kernel and by trying. Null: not known, or not there. */
import { closeSync, existsSync, fsyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, freemem, release, tmpdir, totalmem } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseCgroups } from './doctor-cgroups.ts';

export interface MachineFacts {
  cores: number;
  memoryBytes: number;
  memoryAvailableBytes: number;
  /** Limits of the control group (container) this process is in. */
  cgroupMemoryBytes: number | null;
  cgroupCores: number | null;
  /** Open files per process; Infinity for no limit. */
  descriptorsSoft: number;
  descriptorsHard: number;
  /** Open files on the whole machine. */
  systemDescriptors: { used: number; max: number } | null;
  /** First and last local port for outgoing connections. */
  ephemeralPorts: { first: number; last: number } | null;
  /** net.core.somaxconn */
  listenBacklog: number | null;
  /** Most memory that TCP buffers may take, bytes. */
  tcpMemoryBytes: number | null;
  /** Null where connections are not tracked. */
  conntrack: { used: number; max: number } | null;
  kernel: string;
  /** Without the `v`. */
  node: string;
  glibc: string | null;
  /** Whether uWebSockets.js has a binary for this platform and Node that loads; otherwise why not. */
  webSockets: { ok: true } | { ok: false; reason: string };
  /** Write and sync of one block, in the directory that was asked for. */
  sync: { directory: string; medianMs: number; maxMs: number } | { directory: string; error: string };
}

const SYNCS = 20;

/** Read everything. `directory` is where data would lie, its nearest existing parent will do; default: the temporary folder. */
export function readMachineFacts(directory: string = tmpdir()): MachineFacts {
  const limits = /Max open files\s+(\S+)\s+(\S+)/.exec(read('/proc/self/limits') ?? '');
  const files = numbers('/proc/sys/fs/file-nr');
  const ports = numbers('/proc/sys/net/ipv4/ip_local_port_range');
  const tcpPages = numbers('/proc/sys/net/ipv4/tcp_mem')?.[2];
  const tracked = numbers('/proc/sys/net/netfilter/nf_conntrack_count')?.[0];
  const trackedMax = numbers('/proc/sys/net/netfilter/nf_conntrack_max')?.[0];
  const availableKb = /MemAvailable:\s+(\d+) kB/.exec(read('/proc/meminfo') ?? '')?.[1];
  const cgroup = parseCgroups(read('/proc/self/cgroup') ?? '', read);
  return {
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    memoryAvailableBytes: availableKb === undefined ? freemem() : Number(availableKb) * 1024,
    cgroupMemoryBytes: cgroup.memoryBytes !== null && cgroup.memoryBytes < totalmem() ? cgroup.memoryBytes : null,
    cgroupCores: cgroup.cores,
    descriptorsSoft: limit(limits?.[1]),
    descriptorsHard: limit(limits?.[2]),
    systemDescriptors: files ? { used: files[0]!, max: files[2]! } : null,
    ephemeralPorts: ports ? { first: ports[0]!, last: ports[1]! } : null,
    listenBacklog: numbers('/proc/sys/net/core/somaxconn')?.[0] ?? null,
    tcpMemoryBytes: tcpPages === undefined ? null : tcpPages * 4096,
    conntrack: tracked !== undefined && trackedMax !== undefined ? { used: tracked, max: trackedMax } : null,
    kernel: release(),
    node: process.versions.node,
    glibc: glibcVersion(),
    webSockets: tryWebSockets(),
    sync: measureSync(directory),
  };
}

function limit(text: string | undefined): number {
  return text === undefined || text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function numbers(path: string): number[] | undefined {
  return read(path)?.trim().split(/\s+/).map(Number);
}

function glibcVersion(): string | null {
  const report = process.report?.getReport() as { header?: { glibcVersionRuntime?: string } } | undefined;
  return report?.header?.glibcVersionRuntime ?? null;
}

/** Loading it is the only test that also sees a C library that is too old. */
function tryWebSockets(): MachineFacts['webSockets'] {
  try {
    createRequire(import.meta.url)('uWebSockets.js');
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: (error as Error).message.trim().split('\n').at(-1)! };
  }
}

/** Twenty appends of 4 KiB, each synced, as a group commit does. */
function measureSync(directory: string): MachineFacts['sync'] {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(existingParent(directory), '.plimsoll-doctor-'));
    const file = openSync(join(folder, 'sync'), 'w');
    const block = Buffer.alloc(4096, 1);
    const times: number[] = [];
    try {
      for (let i = 0; i < SYNCS; i++) {
        const start = performance.now();
        writeSync(file, block);
        fsyncSync(file);
        times.push(performance.now() - start);
      }
    } finally {
      closeSync(file);
    }
    times.sort((a, b) => a - b);
    return { directory, medianMs: times[SYNCS / 2]!, maxMs: times.at(-1)! };
  } catch (error) {
    return { directory, error: (error as Error).message };
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
}

/** A data directory may not be there yet: its nearest parent lies on the same disk. */
function existingParent(directory: string): string {
  let folder = resolve(directory);
  while (!existsSync(folder) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}
