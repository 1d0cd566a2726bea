/** A process and all that it started, as Linux tells of them: CPU and resident memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { cpuSecondsOf } from './processes.ts';

const PAGE_BYTES = 4_096;

export interface ProcessUsage {
  /** Since each of them started, all threads; of those that live. */
  cpuSeconds: number;
  rssBytes: number;
}

/** `pid` and its descendants; only those whose command line has `containing` in it, when that is given. */
export function processTree(pid: number, containing?: string): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync('/proc')) {
    const child = Number(name);
    const parent = Number.isInteger(child) ? parentOf(child) : null;
    if (parent !== null) children.set(parent, [...(children.get(parent) ?? []), child]);
  }
  const tree = [pid];
  for (const member of tree) tree.push(...(children.get(member) ?? []));
  return containing === undefined ? tree : tree.filter((member) => commandOf(member).includes(containing));
}

export function usageOf(pids: readonly number[]): ProcessUsage {
  const usage = { cpuSeconds: 0, rssBytes: 0 };
  for (const pid of pids) {
    try {
      usage.rssBytes += Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * PAGE_BYTES;
      usage.cpuSeconds += cpuSecondsOf(pid);
    } catch {
      // It has ended meanwhile.
    }
  }
  return usage;
}

/** The most resident memory that a process had at any time, bytes; 0 when it has ended. */
export function peakMemoryOf(pid: number): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return Number(kibibytes ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

function parentOf(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses, which may hold anything.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return null;
  }
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
