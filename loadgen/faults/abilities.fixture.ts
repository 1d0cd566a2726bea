/** What of faults can be tried out here: by doing it, for rights alone do not tell (a command or a kernel module may be missing). */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunNetwork } from './run-network.ts';
import { StoreDisk } from './store-disk.ts';

/** With `delays`: also networks that can delay packets. Says so on standard error when not. */
export function canMakeNetworks(options: { delays: boolean }): boolean {
  return tried(`networks${options.delays ? ' that delay packets' : ''} can't be made`, () => {
    RunNetwork.create(options).remove();
  });
}

export function canMountDisks(): boolean {
  const scratch = mkdtempSync(join(tmpdir(), 'plimsoll-mount-'));
  try {
    return tried("disks can't be mounted", () => StoreDisk.mount(scratch).remove());
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function tried(problem: string, attempt: () => void): boolean {
  try {
    attempt();
    return true;
  } catch (error) {
    process.stderr.write(`${problem} here (${(error as Error).message}): the tests that need them are left out\n`);
    return false;
  }
}
