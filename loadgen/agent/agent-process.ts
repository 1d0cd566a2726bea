/** Entry point of a local agent process. */
import { ipcCoordinator } from '../control/control-channel-ipc.ts';
import { runAgent } from './agent.ts';

// Signals of the terminal reach the whole group; the coordinator decides when its agents end.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});

runAgent(ipcCoordinator());
