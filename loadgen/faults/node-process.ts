/** Signals to processes of the run's own node, and to no other: whoever gets one is known by descent and by its start time. */
import { readFileSync } from 'node:fs';
import { FaultError, type FaultyNode } from './fault.ts';

/** A process as it was found; process ids are used again, start times are not. */
export interface NodeProcess {
  pid: number;
  startTime: string;
}

/** The shard process of this index. Rejects with a FaultError when it is not up or not the node's. */
export async function findShard(node: FaultyNode | null, index: number): Promise<NodeProcess> {
  const pid = (await node?.shardPid(index)) ?? null;
  const found = pid === null ? null : processOf(pid);
  if (node === null || found === null) throw new FaultError(`shard ${index} is not up`);
  if (!descendsFrom(found.pid, node.pid))
    throw new FaultError(`process ${found.pid}, which should be shard ${index}, is not one of the node's`);
  return found;
}

/** False when the process is gone, or its id is another's by now. */
export function signalProcess(target: NodeProcess, signal: NodeJS.Signals): boolean {
  if (processOf(target.pid)?.startTime !== target.startTime) return false;
  try {
    process.kill(target.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Null when there is no such process. */
export function processOf(pid: number): NodeProcess | null {
  const stat = readStat(pid);
  return stat && { pid, startTime: stat.startTime };
}

function descendsFrom(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === ancestor) return true;
    at = readStat(at)?.parent ?? 0;
  }
  return false;
}

/** proc(5): the command's name stands in brackets and may hold anything; parent and start time are fields 4 and 22. */
function readStat(pid: number): { parent: number; startTime: string } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), startTime: fields[19]! };
  } catch {
    return null;
  }
}
