/** Where the node of a run keeps its data, and what runs that were killed left behind. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sweepNetworks } from '../faults/run-network.ts';
import { StoreDisk } from '../faults/store-disk.ts';
import type { LoadPlan } from '../population/plan.ts';
import { readStore } from './command-serve.ts';

const RUN_DATA = join('.plimsoll', 'run-data');

export interface EmbeddedNodePlan {
  options: { shards: number; store: string; durability: string };
  /** Null: in memory. */
  storeDirectory: string | null;
  /** After the node has ended. */
  cleanUp: () => void;
}

/** A node of this run alone keeps its data in a folder of its own, which goes with it; a named one stays. */
export function embeddedNode(
  asked: { store?: string | undefined; data?: string | undefined },
  plan: LoadPlan,
  runId: string,
  shards: number,
): EmbeddedNodePlan {
  sweepRunData();
  const temporary = join(RUN_DATA, `${runId}.${process.pid}`);
  const store = readStore(
    asked.store ?? (asked.data === undefined ? (plan.server.store ?? undefined) : undefined),
    asked.data,
    temporary,
  );
  return {
    options: {
      shards,
      store: store.kind === 'memory' ? 'memory:' : `level:${store.directory}`,
      durability: plan.server.durability ?? 'fsync',
    },
    storeDirectory: store.kind === 'memory' ? null : store.directory,
    cleanUp: () => rmSync(temporary, { recursive: true, force: true }),
  };
}

/** A run that was killed could not remove what it had made: the folder's name ends with the process it belonged to. */
function sweepRunData(): void {
  sweepNetworks();
  if (!existsSync(RUN_DATA)) return;
  for (const name of readdirSync(RUN_DATA)) {
    const owner = Number(name.split('.').at(-1));
    if (!Number.isInteger(owner) || isAlive(owner)) continue;
    StoreDisk.unmountLeftover(join(RUN_DATA, name));
    try {
      rmSync(join(RUN_DATA, name), { recursive: true, force: true });
    } catch {
      // Another user's, or mounted by one with more rights: it is in nobody's way.
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
