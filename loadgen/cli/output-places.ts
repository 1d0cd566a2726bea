/** Where results are written: files and standard output, looked at before a run and written after it. */
import { accessSync, closeSync, constants, existsSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UsageError } from './exit-codes.ts';

/** Places as they were given; `-` is standard output. */
export interface OutputPlaces {
  html?: string | undefined;
  summaryJson?: string | undefined;
  markdown?: string | undefined;
  /** The summary JSON on standard output. */
  json?: boolean | undefined;
}

const FLAGS = { html: '--html', summaryJson: '--summary-json', markdown: '--markdown' } as const;

/** Throws UsageError for a file that can't be written, and for two forms that would mix on standard output. Leaves no file. */
export function checkOutputs(places: OutputPlaces): void {
  const named = namedPlaces(places);
  const printed = named.filter(({ path }) => path === '-').map(({ flag }) => `${flag} -`);
  if (places.json) printed.push('--json');
  if (printed.length > 1)
    throw new UsageError(`${printed.join(' and ')} would mix on standard output: give one of them a file`);
  for (const { flag, path } of named) if (path !== '-') checkFile(flag, path);
}

/** Whether one of the forms takes standard output for itself. */
export function takesStandardOutput(places: OutputPlaces): boolean {
  return places.json === true || namedPlaces(places).some(({ path }) => path === '-');
}

/** Throws an Error that names the flag. */
export function writeOutput(form: keyof typeof FLAGS, path: string, content: string): void {
  if (path === '-') {
    process.stdout.write(content);
    return;
  }
  try {
    writeFileSync(path, content);
  } catch (error) {
    throw new Error(unwritable(FLAGS[form], path, error), { cause: error });
  }
}

function namedPlaces(places: OutputPlaces): Array<{ flag: string; path: string }> {
  const forms = Object.keys(FLAGS) as Array<keyof typeof FLAGS>;
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
    if (found !== undefined && !found.isFile() && !found.isDirectory()) {
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

function unwritable(flag: string, path: string, error: unknown): string {
  return `${flag}: ${path} can't be written: ${(error as Error).message}`;
}
