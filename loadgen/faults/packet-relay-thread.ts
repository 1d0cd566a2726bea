/** The packet relay in a thread of its own, so that nothing the coordinator does holds packets up. Both ends of it. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createRandom } from '../random.ts';
import { FaultError } from './fault.ts';
import { type PacketDelay, PacketRelay, type RelayRoute } from './packet-relay.ts';

export interface RunningRelay {
  stop(): void;
}

interface RelayTask {
  delay: PacketDelay;
  routes: RelayRoute[];
}

/** Resolves when it relays. Rejects with FaultError. */
export function startRelayThread(delay: PacketDelay, routes: RelayRoute[]): Promise<RunningRelay> {
  const worker = new Worker(new URL(import.meta.url), { workerData: { delay, routes } satisfies RelayTask });
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve({ stop: () => void worker.terminate() }));
    worker.once('error', (error) => reject(new FaultError(`packets can't be relayed: ${error.message}`)));
  });
}

if (!isMainThread && isRelayTask(workerData)) {
  const relay = new PacketRelay(workerData.delay, createRandom(1));
  await relay.open(workerData.routes);
  parentPort!.postMessage('open');
}

/** Other threads may load this module too. */
function isRelayTask(data: unknown): data is RelayTask {
  return typeof data === 'object' && data !== null && 'routes' in data && 'delay' in data;
}
