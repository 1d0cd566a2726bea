/** The data directory of a node: how many volumes it was made for, so that users stay where their timelines are. */
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError } from './config.ts';
import { makeDirectory } from './make-directory.ts';
import { LOGICAL_SHARDS } from './shard-map.ts';

const FILE = 'node.json';
const NEW_FILE = 'node.json.new';
const FORMAT = 'plimsoll-node';
const VERSION = 1;

/** Opens or makes the directory; returns its number of volumes. Throws ConfigError with one sentence. */
export function openDataDirectory(directory: string, processes: number): number {
  try {
    makeDirectory(directory);
  } catch (error) {
    throw new ConfigError(`can't make the data directory ${directory}: ${reason(error)}; name another with --data`);
  }
  const file = join(directory, FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new ConfigError(`can't read ${file}: ${reason(error)}`);
    }
    return create(directory, file, processes);
  }
  const volumes = readVolumes(text, file);
  if (processes > volumes) {
    throw new ConfigError(
      `${directory} was made for ${volumes} shard process(es), so at most that many can share it, not ${processes}; ` +
        `use --shards ${volumes} or another --data`,
    );
  }
  return volumes;
}

function create(directory: string, file: string, volumes: number): number {
  // "lost+found" stands at the root of a fresh disk; the other is what a crash of this very function leaves.
  if (readdirSync(directory).some((name) => name !== 'lost+found' && name !== NEW_FILE)) {
    throw new ConfigError(`${directory} is not empty and not a data directory of Plimsoll; name another with --data`);
  }
  try {
    // Whole and on the disk before the first message is: after a power cut, no data without it.
    const fresh = join(directory, NEW_FILE);
    synced(openSync(fresh, 'w'), (fd) =>
      writeSync(fd, `${JSON.stringify({ format: FORMAT, version: VERSION, volumes })}\n`),
    );
    renameSync(fresh, file);
    synced(openSync(directory, 'r'), () => {});
  } catch (error) {
    throw new ConfigError(`can't write to the data directory ${directory}: ${reason(error)}`);
  }
  return volumes;
}

function synced(fd: number, work: (fd: number) => void): void {
  try {
    work(fd);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readVolumes(text: string, file: string): number {
  let content: { format?: unknown; version?: unknown; volumes?: unknown };
  try {
    content = JSON.parse(text);
  } catch {
    throw new ConfigError(`${file} is damaged; restore it, or name another directory with --data`);
  }
  if (content.format !== FORMAT)
    throw new ConfigError(`${file} is not of Plimsoll; name another directory with --data`);
  if (content.version !== VERSION) {
    throw new ConfigError(`${file} has format version ${content.version}; this Plimsoll reads version ${VERSION}`);
  }
  const { volumes } = content;
  if (typeof volumes !== 'number' || !Number.isInteger(volumes) || volumes < 1 || volumes > LOGICAL_SHARDS) {
    throw new ConfigError(`${file} is damaged; restore it, or name another directory with --data`);
  }
  return volumes;
}

function reason(error: unknown): string {
  return (error as Error).message;
}
