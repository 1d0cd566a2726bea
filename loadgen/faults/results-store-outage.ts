/** Nothing can be stored of the run itself for the time; its rows wait on disk and are stored afterwards. */
import type { FaultAction, FaultContext } from './fault.ts';

export function resultsStoreOutage(_fault: unknown, { holdResults }: FaultContext): FaultAction {
  return {
    begin() {
      holdResults(true);
      return 'the results store took no rows';
    },
    end: () => holdResults(false),
  };
}
