/** Where benchmarks keep their data: in the checkout, because a system's folder for temporary files may be memory. */
import { mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';

export const DATA_DIRECTORY = resolve('.plimsoll', 'bench-data');

/** Make the folder; it is gone when the process ends. */
export function openDataDirectory(): void {
  mkdirSync(DATA_DIRECTORY, { recursive: true });
  process.once('exit', () => rmSync(DATA_DIRECTORY, { recursive: true, force: true }));
}
