/** The disk under the node's message store has not a byte left for the time. */
import { type FaultAction, type FaultContext, FaultError } from './fault.ts';

export function messageStoreOutage(_fault: unknown, { disk }: FaultContext): FaultAction {
  return {
    begin() {
      if (disk === null) throw new FaultError('the message store has no disk of its own');
      disk.fill();
      return "the message store's disk was full";
    },
    end: () => disk?.free(),
  };
}
