/**
 * A disk of its own for the node's message store that a fault can fill up: a file system in memory, as large as a run may need,
 * which shrinks to what is in it and grows again. What `fsync` costs on a real disk it does not cost here, and the summary says so.
 */
import { mkdirSync, readFileSync, statfsSync } from 'node:fs';
import { resolve } from 'node:path';
import { runCommand, tryCommand } from './commands.ts';

/** At most; memory is taken only for what is written. */
const DISK_BYTES = 2 * 1024 * 1024 * 1024;
const NAME = 'plimsoll-store';

export class StoreDisk {
  readonly directory: string;
  #full = false;

  /** `directory` is made where it is missing, and what is in it hidden meanwhile. Throws FaultError. */
  static mount(directory: string): StoreDisk {
    const path = resolve(directory);
    mkdirSync(path, { recursive: true });
    runCommand('mount', '-t', 'tmpfs', '-o', `size=${DISK_BYTES},mode=700`, NAME, path);
    return new StoreDisk(path);
  }

  /** What a run that was killed has left mounted there, if anything. */
  static unmountLeftover(directory: string): void {
    const path = resolve(directory);
    if (mountPoints().includes(path)) new StoreDisk(path).remove();
  }

  private constructor(directory: string) {
    this.directory = directory;
  }

  /** Not a byte more can be written, but into pages that are begun. Throws FaultError. */
  fill(): void {
    this.#full = true;
    // Somebody may write between the look and the change: it can't shrink below what is used.
    for (let attempt = 0; ; attempt++) {
      const { blocks, bfree, bsize } = statfsSync(this.directory);
      // A size of nothing would mean no limit.
      const used = Math.max((blocks - bfree) * bsize, bsize);
      if (attempt >= 20) return void this.#resize(used);
      if (tryCommand('mount', '-o', `remount,size=${used}`, this.directory)) return;
    }
  }

  free(): void {
    if (!this.#full) return;
    this.#full = false;
    this.#resize(DISK_BYTES);
  }

  /** Harmless when it is gone; what was written to it is forgotten. */
  remove(): void {
    // A process that is just ending may still hold it: then it goes with that one.
    tryCommand('umount', '--lazy', this.directory);
  }

  #resize(bytes: number): void {
    runCommand('mount', '-o', `remount,size=${bytes}`, this.directory);
  }
}

/** Of these disks, by the name that stands in their first column. */
function mountPoints(): string[] {
  try {
    const lines = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    return lines.flatMap((line) => {
      const [source, path] = line.split(' ');
      return source === NAME && path !== undefined ? [path.replaceAll('\\040', ' ')] : [];
    });
  } catch {
    return [];
  }
}
