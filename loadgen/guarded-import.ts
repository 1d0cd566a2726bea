/** A user's module that ends this process, or never gets ready, is named instead of the process ending without a word. */

/** Bad configuration, as everything that is found before any load is sent. */
const EXIT_CODE = 104;

/**
 * Await `load`, which evaluates a module; `what` names it, e.g. `the driver /a/b.ts`. When the process ends meanwhile, because
 * the module calls process.exit or waits for something that never comes, it ends with one sentence and 104.
 */
export async function guardedImport<Loaded>(what: string, load: () => Promise<Loaded>): Promise<Loaded> {
  let idle = false;
  const onIdle = (): void => {
    idle = true;
  };
  const onExit = (): void => {
    const how = idle
      ? 'never gets ready: it waits for something that does not come'
      : 'ends the process while it loads';
    process.stderr.write(`${what} ${how}\n`);
    process.exitCode = EXIT_CODE;
  };
  process.once('beforeExit', onIdle);
  process.once('exit', onExit);
  try {
    return await load();
  } finally {
    process.off('beforeExit', onIdle);
    process.off('exit', onExit);
  }
}
