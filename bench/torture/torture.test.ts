/** The command itself. Whole-program: needs `npm run build`. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { packageRoot } from '../../loadgen/package-root.ts';

const run = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [join(packageRoot(), 'dist/bench/torture/torture.js'), ...words], { encoding: 'utf8' });

it.each([
  [['storm'], 'there is no part storm; there are model, fuzz, crash'],
  [['--kills', '-1'], '--kills'],
  [['--kills', '0'], '--kills is a whole number from 1 to 999999999, not "0"'],
  [['--frames', '1e6'], '--frames is a whole number from 1 to 999999999, not "1e6"'],
  [['--speed', '9'], '--speed'],
])('refuses %j with code 104 and one sentence', (words, text) => {
  const { status, stderr, stdout } = run(...words);
  expect(status).toBe(104);
  expect(stderr).toContain(text);
  expect(stdout).toBe('');
});
