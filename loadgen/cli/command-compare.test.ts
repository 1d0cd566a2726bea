/** `plimsoll compare` from outside, on a store that was filled by hand. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Comparison } from '../../reports/compare/comparison.ts';
import { type SimulatedRun, simulateRun, storeRun } from '../../reports/compare/simulated-run.fixture.ts';
import { openResultsStore } from '../../reports/results/results-store-open.ts';
import { createRandom } from '../random.ts';
import { Workspace } from '../testing/command-line.ts';

const TIMEOUT = 60_000;
const BASE: SimulatedRun = { seconds: 20, rate: 100, memory: 0.3, wobble: 0.05 };

let workspace: Workspace;
beforeAll(async () => {
  workspace = new Workspace();
  const store = await openResultsStore(`chdb:${join(workspace.directory, '.plimsoll', 'results')}`);
  const random = createRandom(5);
  const add = (id: string, run: Partial<SimulatedRun> = {}) =>
    storeRun(store, simulateRun(id, { ...BASE, ...run }, random.fork(id)));
  for (const index of [1, 2, 3]) {
    await add(`nightly-${index}`);
    await add(`candidate-${index}`, {
      shift: 1.5,
      summary: (summary) => {
        summary.config.rateOffered = 120;
      },
    });
  }
  await add('cut-1', { summary: null });
  await add('strained-1', {
    summary: (summary) => {
      summary.verdict = 'inconclusive';
    },
  });
  await add('silent-1', { metrics: [] });
  await add('calls-1', { metrics: ['http_req_duration'] });
  await store.close();
}, TIMEOUT);
afterAll(() => workspace.close());

describe('compare', { timeout: TIMEOUT }, () => {
  it('of sets finds a regression, says first what was unlike, and writes both files', async () => {
    const { code, stdout, stderr } = await workspace.run([
      'compare',
      'nightly~3',
      'candidate~3',
      '--html',
      'c.html',
      '--markdown',
      'c.md',
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(99);
    const lines = stdout.split('\n');
    const at = (text: RegExp): number => lines.findIndex((line) => text.test(line));
    expect(at(/CONDITIONS WERE NOT THE SAME/)).toBeLessThan(at(/LATENCY/));
    expect(at(/offered rate +34\.7\/s → 120\/s/)).toBeGreaterThan(0);
    expect(stdout).toMatch(/p99 \* +\S+ +\S+ +\+\S+% +\+\S+% to \+\S+% +worse/);
    expect(stdout.trimEnd()).toMatch(/WORSE\n {2}b is worse than a: p\d+ of \w+_latency changed by \+/);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect(readFileSync(join(workspace.directory, 'c.html'), 'utf8')).toContain(
      '<h1 id="verdict-title"><span class="verdict">WORSE',
    );
    expect(readFileSync(join(workspace.directory, 'c.md'), 'utf8')).toMatch(
      /^### WORSE: candidate~3 against nightly~3\n/,
    );
  });

  it('of a run with one that was cut short sees no difference, and says what the intervals leave out', async () => {
    const { code, stdout } = await workspace.run(['compare', 'nightly-1', 'cut-1', '--json', '--tolerance', '10%']);
    const comparison = JSON.parse(stdout) as Comparison;
    expect(comparison).toMatchObject({
      verdict: 'no difference seen',
      obstacles: [],
      losses: [],
      method: { runToRun: 'not in the intervals' },
    });
    expect(comparison.remarks.join('\n')).toMatch(/one run on each side[\s\S]*cut-1 was cut short/);
    expect(comparison.trends[0]!.rows.find(({ name }) => name === 'p99.9')).toMatchObject({
      verdict: 'too few',
      change: null,
    });
    expect(code).toBe(0);
  });

  it.each<[string, string[], number, RegExp]>([
    [
      'a run that was inconclusive',
      ['nightly-1', 'strained-1'],
      98,
      /could not be judged: run strained-1 is inconclusive/,
    ],
    ['a run without messages', ['nightly-1', 'silent-1'], 98, /run silent-1 has no sample/],
    [
      'runs with nothing in common',
      ['nightly-1', 'calls-1'],
      104,
      /no latency in common: a has sent_latency, delivery_latency, b has http_req_duration/,
    ],
    ['the same run twice', ['nightly-3', 'nightly~2'], 104, /run nightly-3 is on both sides/],
    ['an unknown run', ['nightly', 'nobody'], 104, /No run in \.plimsoll\/results has the id or name "nobody"/],
    ['one run only', ['nightly'], 104, /say which two runs/],
    [
      'a tolerance that is none',
      ['nightly', 'candidate', '--tolerance', '5'],
      104,
      /--tolerance must be a share like 5%/,
    ],
  ])('of %s', async (_what, args, expected, sentence) => {
    const { code, stdout, stderr } = await workspace.run(['compare', ...args]);
    expect((stdout + stderr).replace(/\s+/g, ' ')).toMatch(sentence);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(code).toBe(expected);
  });
});
