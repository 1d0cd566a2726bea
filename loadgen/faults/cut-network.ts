/** No packet passes between the agents and the node; nobody is told, as when a cable is pulled somewhere on the way. */
import { type FaultAction, type FaultContext, FaultError } from './fault.ts';

export function cutNetwork(_fault: unknown, { network }: FaultContext): FaultAction {
  return {
    begin() {
      if (network === null) throw new FaultError('the run has no network of its own');
      network.cut(true);
      return 'no packet passed between agents and node';
    },
    end: () => network?.cut(false),
  };
}
