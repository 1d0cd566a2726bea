/** Faults of the clients, which the agents do themselves: slow consumers, half-open sockets, a reconnect storm. */
import { formatNumber } from '../units.ts';
import type { FaultAction, FaultContext, FaultOf } from './fault.ts';

export function slowConsumers(fault: FaultOf<'slow-consumers'>, { tellAgents }: FaultContext): FaultAction {
  return {
    begin() {
      tellAgents({ kind: 'slow-consumers', share: fault.share, forMs: fault.for });
      return `${percent(fault.share)} of the connections were not read`;
    },
    // The agents time it themselves, and mend it when the load ends.
    end() {},
  };
}

export function halfOpen({ share }: FaultOf<'half-open'>, { tellAgents }: FaultContext): FaultAction {
  return {
    begin() {
      tellAgents({ kind: 'half-open', share });
      return `${percent(share)} of the clients left their connection without closing it and opened another`;
    },
    end() {},
  };
}

export function reconnectStorm({ share }: FaultOf<'reconnect-storm'>, { tellAgents }: FaultContext): FaultAction {
  return {
    begin() {
      tellAgents({ kind: 'reconnect-storm', share });
      return `${percent(share)} of the connections broke at once`;
    },
    end() {},
  };
}

function percent(share: number): string {
  return `${formatNumber(share * 100)}%`;
}
