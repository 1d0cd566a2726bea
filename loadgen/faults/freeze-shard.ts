/** SIGSTOP to a shard process, SIGCONT afterwards. A node that finds it silent for too long kills it meanwhile; that is its answer. */
import type { FaultAction, FaultContext, FaultOf } from './fault.ts';
import { findShard, type NodeProcess, signalProcess } from './node-process.ts';

export function freezeShard({ shard }: FaultOf<'freeze-shard'>, { node, note }: FaultContext): FaultAction {
  let frozen: NodeProcess | null = null;
  return {
    async begin() {
      frozen = await findShard(node, shard);
      signalProcess(frozen, 'SIGSTOP');
      return `shard ${shard} (process ${frozen.pid}) was frozen`;
    },
    end() {
      if (frozen !== null && !signalProcess(frozen, 'SIGCONT'))
        note(`shard ${shard} was frozen for so long that the node has replaced it`);
      frozen = null;
    },
  };
}
