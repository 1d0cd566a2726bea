/** Disks of their own for whole-program tests: one that can be full, one that can hang. Linux, and only as root. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

export interface TestDisk {
  /** Where it is mounted. */
  readonly directory: string;
  remove(): void;
}

export interface FullableDisk extends TestDisk {
  /** Until not a byte is left. */
  fill(): void;
  free(): void;
}

export interface HangingDisk extends TestDisk {
  /** Writes to it wait, neither done nor failed; reads of what is in memory go on. */
  hang(): void;
  goOn(): void;
}

/** Whether this process may mount file systems. */
export function canMount(scratch: string): boolean {
  try {
    const disk = fullableDisk(scratch, '1m');
    disk.remove();
    return true;
  } catch {
    return false;
  }
}

export function fullableDisk(scratch: string, size: string): FullableDisk {
  const directory = join(scratch, 'disk');
  mkdirSync(directory, { recursive: true });
  run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory);
  const filler = join(directory, 'filler');
  return {
    directory,
    fill() {
      const file = openSync(filler, 'a');
      try {
        for (const bytes of [1 << 20, 1 << 12, 1]) fillWith(file, Buffer.alloc(bytes));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(filler, { force: true }),
    remove: () => unmount(directory),
  };
}

/** Throws where there are no loop devices. */
export function hangingDisk(scratch: string, bytes: number): HangingDisk {
  const directory = join(scratch, 'hanging-disk');
  const image = join(scratch, 'image');
  mkdirSync(directory, { recursive: true });
  writeFileSync(image, '');
  truncateSync(image, bytes);
  run('mkfs.ext4', '-q', image);
  run('mount', '-o', 'loop', image, directory);
  let hangs = false;
  const disk: HangingDisk = {
    directory,
    hang() {
      run('fsfreeze', '--freeze', directory);
      hangs = true;
    },
    goOn() {
      if (hangs) run('fsfreeze', '--unfreeze', directory);
      hangs = false;
    },
    remove() {
      disk.goOn();
      unmount(directory);
    },
  };
  return disk;
}

function fillWith(file: number, piece: Buffer): void {
  try {
    // A short write is the last one that fits.
    while (writeSync(file, piece) === piece.length);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

/** A process that is just ending may still hold it: then it goes with that one. */
function unmount(directory: string): void {
  run('umount', '--lazy', directory);
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
