/**
 * The data directory of one volume:
 *
 *   <directory>/format    one line, `plimsoll-messages <version>`
 *   <directory>/leveldb/  the database
 */
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { StoreError } from './message-store.ts';
import { storeErrorOf } from './message-store-leveldb-errors.ts';

const FORMAT_NAME = 'plimsoll-messages';
const FORMAT_VERSION = 1;

/** Creates the directory or checks that it is ours; returns the path of the database in it. Throws StoreError. */
export async function prepareDirectory(path: string): Promise<string> {
  const directory = resolve(path);
  try {
    await mkdir(directory, { recursive: true });
    const names = await readdir(directory);
    if (names.includes('format')) await checkFormat(directory);
    else await createFormat(directory, names);
    const database = join(directory, 'leveldb');
    await mkdir(database, { recursive: true });
    await checkDatabase(database, directory);
    return database;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST' || code === 'ENOTDIR') {
      throw new StoreError(
        'unwritable',
        `The data directory ${directory} is, or lies below, a file: name a directory.`,
        { cause: error },
      );
    }
    throw storeErrorOf(error, directory);
  }
}

async function checkFormat(directory: string): Promise<void> {
  const text = (await readFile(join(directory, 'format'), 'utf8')).trim();
  const match = /^(\S+) (\d+)$/.exec(text);
  if (match?.[1] !== FORMAT_NAME) throw foreign(directory, 'its file "format" was not written by Plimsoll');
  if (Number(match[2]) > FORMAT_VERSION) {
    throw new StoreError(
      'failed',
      `The data in ${directory} has format ${match[2]}, and this Plimsoll reads up to ${FORMAT_VERSION}: use a newer Plimsoll or another directory.`,
    );
  }
}

async function createFormat(directory: string, names: string[]): Promise<void> {
  // "lost+found" stands at the root of a fresh disk; "format.new" is what a crash of this very function leaves.
  const others = names.filter((name) => name !== 'lost+found' && name !== 'format.new');
  if (others.length > 0) throw foreign(directory, `it holds "${others[0]}"`);
  const file = await open(join(directory, 'format.new'), 'w');
  try {
    await file.writeFile(`${FORMAT_NAME} ${FORMAT_VERSION}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(join(directory, 'format.new'), join(directory, 'format'));
}

/** LevelDB takes a database without its file CURRENT for a new one, and would silently start empty. */
async function checkDatabase(database: string, directory: string): Promise<void> {
  const names = await readdir(database);
  if (!names.includes('CURRENT') && names.some((name) => /\.(log|ldb|sst)$/.test(name))) {
    throw new StoreError(
      'corrupt',
      `The data in ${directory} is damaged (leveldb/CURRENT is missing): restore it from a copy or start with another directory.`,
    );
  }
}

function foreign(directory: string, reason: string): StoreError {
  return new StoreError(
    'failed',
    `The directory ${directory} belongs to another program (${reason}): choose an empty or a new directory.`,
  );
}
