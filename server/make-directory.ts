/** A directory with all that is missing above it. */
import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * As mkdir with `recursive`, which for a place that takes no new directories names the wrong cause (a read-only disk) or tries
 * for ever (/proc). Throws the system's own error.
 */
export function makeDirectory(directory: string): void {
  const missing: string[] = [];
  for (let at = resolve(directory); statSync(at, { throwIfNoEntry: false }) === undefined; at = dirname(at)) {
    missing.unshift(at);
  }
  for (const at of missing) makeOne(at);
  // A file in its place is nothing that is missing.
  if (!statSync(directory).isDirectory()) mkdirSync(directory);
}

/** Several processes of a node may make the same one at once. */
function makeOne(directory: string): void {
  try {
    mkdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
