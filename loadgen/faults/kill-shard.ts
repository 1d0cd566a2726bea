/** `kill -9` of a shard process. The node starts it again; nobody has to mend anything. */
import type { FaultAction, FaultContext, FaultOf } from './fault.ts';
import { findShard, signalProcess } from './node-process.ts';

export function killShard({ shard }: FaultOf<'kill-shard'>, { node }: FaultContext): FaultAction {
  return {
    async begin() {
      const target = await findShard(node, shard);
      signalProcess(target, 'SIGKILL');
      return `shard ${shard} (process ${target.pid}) was killed`;
    },
    end() {},
  };
}
