/** Finds a target driver: the reference one, or a module of the user's own. */
import { resolve } from 'node:path';
import { createJiti } from 'jiti';
import * as targetDriver from './target-driver.ts';

export const REFERENCE_DRIVER = 'reference';

/** A driver module that can't be used: one sentence. */
export class DriverModuleError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DriverModuleError';
  }
}

export async function loadDriver(name: string): Promise<targetDriver.CreateDriver> {
  if (name === REFERENCE_DRIVER) return (await import('./target-driver-reference.ts')).createReferenceDriver;
  const path = resolve(name);
  let loaded: { createDriver?: unknown };
  try {
    const jiti = createJiti(path, { virtualModules: { 'plimsoll/driver': targetDriver } });
    loaded = (await jiti.import(path)) as { createDriver?: unknown };
  } catch (error) {
    throw new DriverModuleError(`the driver ${path} can't be loaded: ${(error as Error).message.split('\n')[0]}`, {
      cause: error,
    });
  }
  if (typeof loaded.createDriver !== 'function') {
    throw new DriverModuleError(
      `the driver ${path} exports no function createDriver; see loadgen/drivers/target-driver.ts`,
    );
  }
  return loaded.createDriver as targetDriver.CreateDriver;
}
