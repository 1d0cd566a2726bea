/** Starts a module of this project as a child process, whether it runs as source or built. */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, extname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * Forks `name` (a relative path without extension) beside the module whose `import.meta.url` is given. Built code forks
 * the `.js` file there; source forks the `.ts` file, with a loader that Node understands it by. The child inherits none
 * of this process's own Node flags, which may be a test runner's or a debugger's.
 */
export function forkModule(besideUrl: string, name: string, options: Omit<ForkOptions, 'execArgv'> = {}): ChildProcess {
  const beside = fileURLToPath(besideUrl);
  const extension = extname(beside);
  const execArgv = extension === '.ts' ? ['--import', typescriptLoader()] : ['--enable-source-maps'];
  return fork(join(dirname(beside), name + extension), { ...options, execArgv });
}

/** By path: `--import jiti/register` would be looked up from the working directory. */
export function typescriptLoader(): string {
  const jiti = dirname(createRequire(import.meta.url).resolve('jiti/package.json'));
  return pathToFileURL(join(jiti, 'lib', 'jiti-register.mjs')).href;
}
