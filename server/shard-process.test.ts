/** The entry point of a shard process. Whole-program: needs `npm run build`. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { until } from './testing/until.ts';

const MODULE = join(fileURLToPath(new URL('..', import.meta.url)), 'dist/server/shard-process.js');

it.each([0, 20, 60, 120, 200])('ends when its supervisor dies %d ms after it was started', async (afterMs) => {
  const child = fork(MODULE, { stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  child.disconnect();
  await until('the process to end', () => child.exitCode !== null);
  expect(child.signalCode).toBeNull();
});
