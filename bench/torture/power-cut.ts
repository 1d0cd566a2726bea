/**
 * A power cut: what the page cache held and no sync had written is gone. `page-cache.c`, preloaded into the node, notes how
 * far each file was synced; after a `kill -9` of all its processes, the rest of each file is cut off at a random length, or
 * is there as zeros (a length that reached the disk before its content).
 *
 * What is modelled is a file system that journals its metadata in order (ext4, XFS): names are as they were, contents are
 * not. A file of which nothing was ever synced may be missing altogether.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../loadgen/package-root.ts';
import type { Random } from '../../loadgen/random.ts';

/** A slow disk, so that the power mostly fails while something is under way to it. */
const SYNC_DELAY_US = 5_000;

export class PowerCuts {
  /** Bytes that were lost so far, and files that lost some. */
  bytesLost = 0;
  filesCut = 0;
  readonly #notes: string;
  readonly #library: string;

  /** Compiles the library; throws one sentence when there is no compiler. `folder`: where it and its notes are kept. */
  constructor(folder: string) {
    this.#notes = join(folder, 'synced');
    this.#library = join(folder, 'page-cache.so');
    mkdirSync(this.#notes, { recursive: true });
    compile(this.#library);
  }

  /** For the processes of the node. */
  get environment(): Record<string, string> {
    return { LD_PRELOAD: this.#library, PLIMSOLL_SYNCED: this.#notes, PLIMSOLL_SYNC_DELAY_US: `${SYNC_DELAY_US}` };
  }

  /** The power fails: to be called when no process of the node runs. Throws when the library saw no sync of a log. */
  cut(directory: string, random: Random): void {
    let seen = 0;
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
      const path = join(directory, name);
      const facts = statSync(path);
      if (!facts.isFile()) continue;
      const synced = this.#syncedBytes(facts.ino);
      if (synced > 0) seen++;
      const after = Math.min(synced, facts.size) + random.integer(Math.max(facts.size - synced, 0) + 1);
      const [vanishes, zeros] = [random.integer(4) === 0, random.integer(3) === 0];
      if (after < facts.size) {
        this.filesCut++;
        this.bytesLost += facts.size - after;
      }
      if (synced === 0 && vanishes && !isMarker(name)) unlinkSync(path);
      else if (after < facts.size) {
        truncateSync(path, after);
        if (zeros) truncateSync(path, facts.size);
      }
    }
    if (seen === 0)
      throw new Error(
        'page-cache.so noticed no sync: it was not loaded into the node, or the store syncs in another way',
      );
  }

  #syncedBytes(inode: number): number {
    try {
      return Number(readFileSync(join(this.#notes, `${inode}`), 'utf8'));
    } catch {
      return 0;
    }
  }
}

/** The lock file is empty for ever. */
function isMarker(name: string): boolean {
  return name.endsWith('LOCK');
}

function compile(library: string): void {
  const source = join(packageRoot(), 'bench/torture/page-cache.c');
  try {
    execFileSync('gcc', ['-O2', '-shared', '-fPIC', '-o', library, source, '-ldl'], { stdio: 'pipe' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Error(
        'there is no gcc to compile bench/torture/page-cache.c with; on Debian: apt-get install gcc libc6-dev',
      );
    throw new Error(`gcc can't compile bench/torture/page-cache.c: ${(error as { stderr?: Buffer }).stderr ?? error}`);
  }
}
