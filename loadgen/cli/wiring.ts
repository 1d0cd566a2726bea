/** The composition root of the load generator: the only place, with server/main.ts, that names concrete implementations. */
import type { ResultsStore } from '../../reports/results/results-store.ts';
import { placeOf } from '../../reports/results/spool-directory.ts';
import type { AgentLink } from '../control/control-channel.ts';
import { forkAgent } from '../control/control-channel-ipc.ts';
import type { NatsLine } from '../control/nats-line.ts';
import type { GatherOptions } from '../coordinator/agent-gathering.ts';
import type { MetricsPlace, MetricsServer } from '../exposition/metrics-server.ts';
import type { MetricFamily } from '../exposition/prometheus-text.ts';
import { UsageError } from './exit-codes.ts';
import { deliverLeftovers } from './spool-delivery.ts';

/** The heavy parts behind it (chDB, the ClickHouse client) are loaded here, when they are needed. */
export async function openResults(url: string, options: { readOnly?: boolean } = {}): Promise<ResultsStore> {
  const { openResultsStore } = await import('../../reports/results/results-store-open.ts');
  const store = await openResultsStore(url, options);
  // Of runs that were killed, or whose store went away: what is stored now is shown at once.
  await deliverLeftovers(store, placeOf(url), (text) => process.stderr.write(`results: ${text}\n`));
  return store;
}

/** Null where nobody asked for it; it is told where it listens. Rejects with UsageError. */
export async function openMetrics(
  place: MetricsPlace | undefined,
  families: () => MetricFamily[],
  onNotice: (text: string) => void,
): Promise<MetricsServer | null> {
  if (place === undefined) return null;
  const { serveMetrics } = await import('../exposition/metrics-server.ts');
  try {
    const server = await serveMetrics(place, families);
    onNotice(`metrics for Prometheus at ${server.url}`);
    return server;
  } catch (error) {
    throw new UsageError(`--metrics: ${(error as Error).message}`, { cause: error });
  }
}

/** The agents of one run. */
export interface AgentSupply {
  count: number;
  /** The agent of segment `index`, once. */
  agent: (index: number) => AgentLink;
  /** What happened to the way to them, for the summary. */
  remarks: string[];
  close: () => Promise<void>;
}

/** Agents are child processes of this one. */
export function localAgents(count: number): AgentSupply {
  return { count, agent: forkAgent, remarks: [], close: async () => {} };
}

/** Agents wait on a NATS server, maybe on other machines. Rejects with ControlServerError or AgentError. */
export async function remoteAgents(url: string, options: Omit<GatherOptions, 'line'>): Promise<AgentSupply> {
  const { gatherAgents } = await import('../coordinator/agent-gathering.ts');
  const remarks: string[] = [];
  const line = await openControlLine(url, 'plimsoll coordinator', (text) => {
    remarks.push(text);
    options.onNotice(text);
  });
  try {
    const links = await gatherAgents({ ...options, line });
    return {
      count: links.length,
      agent: (index) => links[index]!,
      remarks,
      close: async () => {
        for (const link of links) link.close();
        await line.close();
      },
    };
  } catch (error) {
    await line.close();
    throw error;
  }
}

/** The connection that agents and coordinators meet on. Says when the server goes away, is back, or refuses something. */
export async function openControlLine(url: string, name: string, onNotice: (text: string) => void): Promise<NatsLine> {
  const { openNatsLine } = await import('../control/nats-line.ts');
  const line = await openNatsLine(url, name);
  line.onChange((up) => onNotice(`the NATS server ${line.address} ${up ? 'is back' : 'is away; trying again'}`));
  line.onTrouble((what) => onNotice(`the NATS server ${line.address} refuses: ${what}`));
  return line;
}
