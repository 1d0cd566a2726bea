/** Where results are written: files and standard output, looked at before a run and written after it. */
import { once } from 'node:events';
import { accessSync, closeSync, constants, existsSync, lstatSync, openSync, rmSync, statSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { UsageError } from './exit-codes.ts';

const FLAGS = {
  html: '--html',
  summaryJson: '--summary-json',
  markdown: '--markdown',
  junit: '--junit',
  hlog: '--hlog',
  csv: '--csv',
} as const;

export type OutputForm = keyof typeof FLAGS;

/** Places as they were given; `-` is standard output. `json`: the summary JSON on standard output. */
export type OutputPlaces = Partial<Record<OutputForm, string | undefined>> & { json?: boolean | undefined };

/** Throws UsageError for a file that can't be written, and for two forms that would mix on standard output or in a file. Leaves no file. */
export function checkOutputs(places: OutputPlaces): void {
  const named = namedPlaces(places);
  const printed = named.filter(({ path }) => path === '-').map(({ flag }) => `${flag} -`);
  if (places.json) printed.push('--json');
  if (printed.length > 1)
    throw new UsageError(`${printed.join(' and ')} would mix on standard output: give one of them a file`);
  const files = new Map<string, string>();
  for (const { flag, path } of named) {
    if (path === '-') continue;
    checkFile(flag, path);
    // A device or a pipe may take several.
    const file = resolve(path);
    const other = files.get(file);
    if (other !== undefined && !isSpecial(file))
      throw new UsageError(`${other} and ${flag} would overwrite each other in ${path}: give each a file of its own`);
    files.set(file, flag);
  }
}

/** Whether one of the forms takes standard output for itself. */
export function takesStandardOutput(places: OutputPlaces): boolean {
  return places.json === true || namedPlaces(places).some(({ path }) => path === '-');
}

/** Rejects with an Error that names the flag, and as `content` does. */
export async function writeOutput(
  form: OutputForm,
  path: string,
  content: string | AsyncIterable<string>,
): Promise<void> {
  if (path === '-') return printAll(content);
  let failed: unknown;
  const watched = typeof content === 'string' ? content : watching(content, (error) => (failed = error));
  try {
    await replaceFile(path, watched);
  } catch (error) {
    throw failed === error ? error : new Error(unwritable(FLAGS[form], path, error), { cause: error });
  }
}

/** All or nothing: a full disk leaves what was there before. What a link names, or is no file, is written as it is. */
async function replaceFile(path: string, content: string | AsyncIterable<string>): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isFile()) return writeFile(path, content);
  const unfinished = `${path}.${process.pid}.new`;
  try {
    await writeFile(unfinished, content, { mode: found?.mode ?? 0o666 });
    await rename(unfinished, path);
  } catch (error) {
    await rm(unfinished, { force: true });
    throw error;
  }
}

/** What is wrong with the content is not the file's fault. */
async function* watching(content: AsyncIterable<string>, onError: (error: unknown) => void): AsyncGenerator<string> {
  try {
    yield* content;
  } catch (error) {
    onError(error);
    throw error;
  }
}

/** At the pace of whoever reads. */
async function printAll(content: string | AsyncIterable<string>): Promise<void> {
  for await (const chunk of typeof content === 'string' ? [content] : content)
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
}

function namedPlaces(places: OutputPlaces): Array<{ flag: string; path: string }> {
  const forms = Object.keys(FLAGS) as OutputForm[];
  return forms.flatMap((form) => {
    const path = places[form];
    return path === undefined ? [] : [{ flag: FLAGS[form], path }];
  });
}

function checkFile(flag: string, path: string): void {
  const folder = dirname(resolve(path));
  if (path === '') throw new UsageError(`${flag} needs the name of a file, or - for standard output`);
  if (!existsSync(folder)) throw new UsageError(`${flag}: ${path} can't be written: there is no directory ${folder}`);
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    // To open a pipe would wait for its reader.
    if (isSpecial(path)) {
      accessSync(path, constants.W_OK);
      return;
    }
    // Rights alone don't tell: not every file system takes new files.
    closeSync(openSync(path, 'a'));
    if (found === undefined) rmSync(path, { force: true });
  } catch (error) {
    throw new UsageError(unwritable(flag, path, error), { cause: error });
  }
}

/** There, but neither a file nor a directory. */
function isSpecial(path: string): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isFile() && !found.isDirectory();
}

function unwritable(flag: string, path: string, error: unknown): string {
  return `${flag}: ${path} can't be written: ${(error as Error).message}`;
}
