/** The model-based test in many more histories than the suite plays, spread over the cores: each child is a run of vitest. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../loadgen/package-root.ts';

export const MODEL_TEST = 'server/messenger/guarantees.test.ts';

export interface ModelResult {
  histories: number;
  historiesPerSecond: number;
  seconds: number;
  /** What the failed children said: the counterexample, with its seed and path. */
  failures: string[];
}

/** `histories` random histories from seeds that follow from `seed`. */
export async function playHistories(
  seed: number,
  histories: number,
  say: (line: string) => void,
): Promise<ModelResult> {
  const started = performance.now();
  const children = Math.min(availableParallelism(), histories);
  const failures: string[] = [];
  let done = 0;
  await Promise.all(
    Array.from({ length: children }, async (_, child) => {
      const share = Math.floor(((child + 1) * histories) / children) - Math.floor((child * histories) / children);
      const { code, output } = await runVitest({
        PLIMSOLL_HISTORIES: `${share}`,
        PLIMSOLL_TEST_SEED: `${seed + child}`,
      });
      done += share;
      if (code === 0) say(`${done} of ${histories}`);
      else
        failures.push(
          `PLIMSOLL_TEST_SEED=${seed + child} PLIMSOLL_HISTORIES=${share} npx vitest run ${MODEL_TEST}\n${output}`,
        );
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  return { histories, historiesPerSecond: histories / seconds, seconds, failures };
}

function runVitest(environment: Record<string, string>): Promise<{ code: number | null; output: string }> {
  const vitest = join(packageRoot(), 'node_modules/vitest/vitest.mjs');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [vitest, 'run', MODEL_TEST], {
      cwd: packageRoot(),
      env: { ...process.env, NO_COLOR: '1', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    child.once('error', (error) => reject(new Error(`vitest could not be started: ${error.message}`)));
    child.once('close', (code) => resolve({ code, output }));
  });
}
