/** Finds a target driver: one that comes with Plimsoll, or a module of the user's own. */
import { resolve } from 'node:path';
import { createJiti } from 'jiti';
import { guardedImport } from '../guarded-import.ts';
import { DriverModuleError } from './driver-module-error.ts';
import { guardedDriver } from './guarded-driver.ts';
import * as targetDriver from './target-driver.ts';

export { DriverModuleError };

export const REFERENCE_DRIVER = 'reference';

/** Drivers that come with Plimsoll and need nothing but their name. */
const BUILT_IN: Record<string, () => Promise<targetDriver.CreateDriver>> = {
  [REFERENCE_DRIVER]: async () => (await import('./target-driver-reference.ts')).createReferenceDriver,
  'long-poll': async () => (await import('./target-driver-long-poll.ts')).createLongPollDriver,
};

/** `json-websocket:<file>` */
const JSON_WEBSOCKET = 'json-websocket:';

/**
 * Load a driver by what stands behind `--driver`: the name of a built-in one, `json-websocket:<file>` with the description of a
 * server, or a module that exports `createDriver`, which runs under guard (guarded-driver.ts). Files are meant from the
 * working directory. Throws a DriverModuleError.
 */
export async function loadDriver(name: string): Promise<targetDriver.CreateDriver> {
  if (Object.hasOwn(BUILT_IN, name)) return BUILT_IN[name]!();
  if (name.startsWith(JSON_WEBSOCKET)) {
    const { loadJsonWebSocketDriver } = await import('./json-websocket-loader.ts');
    return loadJsonWebSocketDriver(resolve(name.slice(JSON_WEBSOCKET.length)));
  }
  if (`${name}:` === JSON_WEBSOCKET) {
    throw new DriverModuleError(
      `the driver ${name} needs the file that describes the server: ${JSON_WEBSOCKET}<file>; see loadgen/drivers/README.md`,
    );
  }
  const path = resolve(name);
  let loaded: { createDriver?: unknown };
  try {
    const jiti = createJiti(path, { virtualModules: { 'plimsoll/driver': targetDriver } });
    loaded = (await guardedImport(`the driver ${path}`, () => jiti.import(path))) as { createDriver?: unknown };
  } catch (error) {
    throw new DriverModuleError(
      `the driver ${path} can't be loaded: ${String((error as Error)?.message ?? error).split('\n')[0]}`,
      {
        cause: error,
      },
    );
  }
  if (typeof loaded?.createDriver !== 'function') {
    throw new DriverModuleError(`the driver ${path} exports no function createDriver; see loadgen/drivers/README.md`);
  }
  return guardedDriver(name, loaded.createDriver as targetDriver.CreateDriver);
}

/** The same driver named for use from anywhere: paths, which are meant from `folder`, become absolute. */
export function absoluteDriverName(name: string, folder: string): string {
  if (Object.hasOwn(BUILT_IN, name)) return name;
  if (name.startsWith(JSON_WEBSOCKET)) return JSON_WEBSOCKET + resolve(folder, name.slice(JSON_WEBSOCKET.length));
  return resolve(folder, name);
}
