/** Every packet between the agents and the node takes longer, either way. */
import { formatDuration, formatNumber } from '../units.ts';
import { type FaultAction, type FaultContext, FaultError, type FaultOf } from './fault.ts';

export function delayNetwork(
  { delay, jitter, loss }: FaultOf<'delay-network'>,
  { network }: FaultContext,
): FaultAction {
  return {
    async begin() {
      if (network === null) throw new FaultError('the run has no network of its own');
      await network.delay({ delayMs: delay, jitterMs: jitter, loss });
      const spread = jitter > 0 ? ` ± ${formatDuration(jitter)}` : '';
      const lost = loss > 0 ? `, ${formatNumber(loss * 100)}% lost` : '';
      return `packets took ${formatDuration(delay)}${spread} longer each way${lost}`;
    },
    end: () => network?.undelay(),
  };
}
