/** The composition root of the load generator: the only place, with server/main.ts, that names concrete implementations. */
import type { ResultsStore } from '../../reports/results/results-store.ts';
import type { AgentLink } from '../control/control-channel.ts';
import { forkAgent } from '../control/control-channel-ipc.ts';

/** The heavy parts behind it (chDB, the ClickHouse client) are loaded here, when they are needed. */
export async function openResults(url: string, options: { readOnly?: boolean } = {}): Promise<ResultsStore> {
  const { openResultsStore } = await import('../../reports/results/results-store-open.ts');
  return openResultsStore(url, options);
}

/** Agents are child processes of this one. */
export function localAgents(): (index: number) => AgentLink {
  return forkAgent;
}
