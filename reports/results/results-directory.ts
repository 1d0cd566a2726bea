/**
 * The directory of an embedded results store. A small file in it says that it is one, and who writes to it: the engine's
 * own lock knows neither.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ResultsError } from './results-store.ts';

export interface DirectoryOwner {
  /** Of the process that holds the engine's lock. */
  pid: number;
  /** The run that it records; null while it only reads. */
  runId: string | null;
}

const MARK_FILE = 'plimsoll.json';

/**
 * Checks that `directory` is, or can become, a results directory, and makes it unless `readOnly`.
 * @throws ResultsError `empty`, `foreign` or `unwritable`
 */
export function prepareDirectory(directory: string, readOnly: boolean): void {
  try {
    if (!isDirectory(directory)) {
      if (readOnly) {
        throw new ResultsError('empty', `There is no results directory ${directory} yet: start a run first.`);
      }
      makeDirectory(directory);
    }
    const files = readdirSync(directory);
    if (files.includes(MARK_FILE)) return;
    if (files.length > 0) {
      throw new ResultsError(
        'foreign',
        `The directory ${directory} holds something else than results: name another with --results.`,
      );
    }
    if (readOnly) throw new ResultsError('empty', `No results are stored in ${directory} yet: start a run first.`);
    writeMark(directory, null);
  } catch (error) {
    throw error instanceof ResultsError ? error : unwritable(directory, (error as Error).message);
  }
}

/** To be called by whoever holds the engine's lock. @throws ResultsError `unwritable` */
export function claimDirectory(directory: string, owner: DirectoryOwner | null): void {
  try {
    writeMark(directory, owner);
  } catch (error) {
    throw unwritable(directory, (error as Error).message);
  }
}

/** Who claimed the directory last; null when it was given back or nobody can tell. */
export function directoryOwner(directory: string): DirectoryOwner | null {
  try {
    return (JSON.parse(readFileSync(join(directory, MARK_FILE), 'utf8')) as { owner: DirectoryOwner | null }).owner;
  } catch {
    return null;
  }
}

/** Why the engine would not open `directory`, from what it said (it names the reason on standard error only). */
export function openFailure(directory: string, said: string): ResultsError {
  if (/Cannot lock file|already running/.test(said)) {
    const owner = directoryOwner(directory);
    const by = owner?.runId ? `run ${owner.runId}` : owner ? `process ${owner.pid}` : 'another process';
    return new ResultsError(
      'locked',
      `The results directory ${directory} is in use by ${by}; wait for it or name another with --results (plimsoll run --live shows a run while it goes on).`,
    );
  }
  const denied = /Permission denied|Read-only file system|Operation not permitted|No space left on device/.exec(said);
  if (denied) return unwritable(directory, denied[0]);
  const reason = said.trim().split('\n').at(-1) || 'no reason given';
  return new ResultsError('failed', `The embedded ClickHouse could not open ${directory}: ${reason}`);
}

function unwritable(directory: string, reason: string): ResultsError {
  return new ResultsError(
    'unwritable',
    `The results directory ${directory} cannot be made or written (${reason}): name another with --results.`,
  );
}

function isDirectory(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && !found.isDirectory()) throw new Error('it is a file');
  return found !== undefined;
}

/** Not Node's recursive one, which never returns where a file system answers that the parent does not exist (/proc). */
function makeDirectory(path: string): void {
  if (isDirectory(path)) return;
  makeDirectory(dirname(path));
  mkdirSync(path);
}

function writeMark(directory: string, owner: DirectoryOwner | null): void {
  const path = join(directory, MARK_FILE);
  try {
    writeFileSync(`${path}.new`, JSON.stringify({ contents: 'Plimsoll results', owner }));
    renameSync(`${path}.new`, path);
  } catch (error) {
    rmSync(`${path}.new`, { force: true });
    throw error;
  }
}
