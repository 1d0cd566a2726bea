import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { SimulatedNetwork } from '../testing/simulated-network.ts';
import { describeBus } from './bus.suite.ts';
import { openLocalBus } from './bus-local.ts';

describeBus('local', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'plimsoll-bus-test-'));
  const path = (process: number) => join(directory, `${process}.sock`);
  return {
    open: (process, volumes) =>
      openLocalBus({ process, paths: volumes.map((_, peer) => path(peer)), owners: ownersOf(volumes) }),
    remove: () => rm(directory, { recursive: true }),
  };
});

describeBus('simulated', async () => {
  const network = new SimulatedNetwork();
  return {
    open: async (process, volumes) => network.open(process, volumes[process]!),
    remove: async () => {},
  };
});

it('takes the place of a socket that a killed process left behind, and removes its own', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'plimsoll-bus-test-'));
  const path = join(directory, 'left.sock');
  try {
    await writeFile(path, '');
    const bus = await openLocalBus({ process: 0, paths: [path], owners: [0] });
    expect((await stat(path)).isSocket()).toBe(true);
    await bus.close();
    await expect(stat(path)).rejects.toThrow(/ENOENT/);
  } finally {
    await rm(directory, { recursive: true });
  }
});

/** Process of each volume. */
function ownersOf(volumes: number[][]): number[] {
  const owners: number[] = [];
  for (const [process, own] of volumes.entries()) for (const volume of own) owners[volume] = process;
  return owners;
}
