/** Reads the description of a JSON chat server from a file: JSON, or a module with a default export. */
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { createJiti } from 'jiti';
import { DriverModuleError } from './driver-module-error.ts';
import { DescriptionError, parseDescription } from './json-websocket-config.ts';
import type { CreateDriver } from './target-driver.ts';
import { jsonWebSocketDriver } from './target-driver-json-websocket.ts';

/** The driver for what the file at `path` describes. Throws a DriverModuleError with all that is wrong with it. */
export async function loadJsonWebSocketDriver(path: string): Promise<CreateDriver> {
  const written = await read(path);
  try {
    return jsonWebSocketDriver(parseDescription(written));
  } catch (error) {
    if (!(error instanceof DescriptionError)) throw error;
    throw new DriverModuleError(error.problems.map((problem) => `${path}: ${problem}`).join('\n'), { cause: error });
  }
}

async function read(path: string): Promise<unknown> {
  try {
    if (extname(path) === '.json') return JSON.parse(readFileSync(path, 'utf8'));
    return ((await createJiti(path).import(path)) as { default?: unknown }).default;
  } catch (error) {
    const [why] = (error as Error).message.split('\n');
    throw new DriverModuleError(`the server’s description ${path} can't be read: ${why}`, { cause: error });
  }
}
