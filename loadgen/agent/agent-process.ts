/** Entry point of an agent process: of a local one, or, with the argument `remote`, of one that was taken over NATS. */

import { ipcCoordinator } from '../control/control-channel-ipc.ts';
import type { RemoteOrder } from '../control/control-channel-nats.ts';
import { type AgentFigures, tellingFigures } from '../exposition/agent-figures.ts';
import { runAgent } from './agent.ts';
import { REMOTE } from './agent-modes.ts';

// Signals of the terminal reach the whole group; the coordinator decides when its agents end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

if (process.argv[2] === REMOTE) process.once('message', (order) => void runRemote(order as RemoteOrder));
else runAgent(ipcCoordinator());

async function runRemote(order: RemoteOrder): Promise<void> {
  const { natsCoordinator } = await import('../control/control-channel-nats.ts');
  try {
    const coordinator = await natsCoordinator(order);
    process.once('disconnect', () => {
      void coordinator.leave('ended with the process that had started it').then(() => process.exit(1));
    });
    // Who does not want it any more does not listen.
    const tell = (figures: AgentFigures): void => void process.send?.(figures, undefined, undefined, () => {});
    runAgent(order.tellFigures ? tellingFigures(coordinator, tell) : coordinator);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(1);
  }
}
