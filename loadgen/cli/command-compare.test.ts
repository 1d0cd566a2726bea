/** `plimsoll compare` on a store that was filled by hand: from outside, and what one process is enough for in this one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Comparison } from '../../reports/compare/comparison.ts';
import { type SimulatedRun, simulateRun, storeRun } from '../../reports/compare/simulated-run.fixture.ts';
import type { ResultsStore } from '../../reports/results/results-store.ts';
import { openResultsStore } from '../../reports/results/results-store-open.ts';
import { createRandom } from '../random.ts';
import { Workspace } from '../testing/command-line.ts';
import { type CompareAnswer, type CompareArguments, compareStored } from './command-compare.ts';
import { COMPARED_PERCENTILES } from './compare-flags.ts';
import { UsageError } from './exit-codes.ts';

const TIMEOUT = 60_000;
const BASE: SimulatedRun = { seconds: 12, rate: 100, memory: 0.3, wobble: 0.05 };

let workspace: Workspace;
let store: ResultsStore | null;
beforeAll(async () => {
  workspace = new Workspace();
  const url = `chdb:${join(workspace.directory, '.plimsoll', 'results')}`;
  const written = await openResultsStore(url);
  const random = createRandom(5);
  const add = (id: string, run: Partial<SimulatedRun> = {}) =>
    storeRun(written, simulateRun(id, { ...BASE, ...run }, random.fork(id)));
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
  await written.close();
  store = await openResultsStore(url, { readOnly: true });
}, TIMEOUT);
afterAll(async () => {
  await store?.close();
  await workspace.close();
});

/** In this process, on the store as it stands open. */
function compare(a: string, b: string, flags: Partial<CompareArguments> = {}): Promise<CompareAnswer> {
  const defaults = {
    tolerance: '5%',
    percentiles: COMPARED_PERCENTILES,
    results: 'chdb:results',
    seed: 1,
    color: false,
  };
  const open = async () => ({
    listRuns: () => store!.listRuns(),
    loadSeconds: (...asked: Parameters<ResultsStore['loadSeconds']>) => store!.loadSeconds(...asked),
    close: async () => {},
  });
  return compareStored({ a, b, ...defaults, ...flags }, open);
}

describe('compare', { timeout: TIMEOUT }, () => {
  it('of a run with one that was cut short sees no difference, and says what the intervals leave out', async () => {
    const { code, stdout = '' } = await compare('nightly-1', 'cut-1', { json: true, tolerance: '10%' });
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

  it('of what can’t be judged says why, with exit code 98', async () => {
    const strained = await compare('nightly-1', 'strained-1');
    expect(strained.stdout!.replace(/\s+/g, ' ')).toMatch(/could not be judged: run strained-1 is inconclusive/);
    expect(strained.code).toBe(98);
    const silent = await compare('nightly-1', 'silent-1');
    expect(silent).toMatchObject({ code: 98, stderr: expect.stringMatching(/^run silent-1 has no sample/) });
  });

  it.each<[string, [string, string, string?], RegExp]>([
    [
      'runs with nothing in common',
      ['nightly-1', 'calls-1'],
      /no latency in common: a has sent_latency, delivery_latency, b has http_req_duration/,
    ],
    ['the same run twice', ['nightly-3', 'nightly~2'], /run nightly-3 is on both sides/],
    ['a tolerance that is none', ['nightly', 'candidate', '5'], /--tolerance must be a share like 5%/],
  ])('of %s refuses', async (_what, [a, b, tolerance = '5%'], sentence) => {
    const refused = compare(a, b, { tolerance });
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(sentence);
  });
});

describe('the command compare', { timeout: TIMEOUT }, () => {
  beforeAll(async () => {
    // A folder has one process at a time.
    await store!.close();
    store = null;
  });

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
      /^### WORSE: candidate\\~3 against nightly\\~3\n/,
    );
  });

  it('of an unknown run says one sentence', async () => {
    const { code, stderr } = await workspace.run(['compare', 'nightly', 'nobody']);
    expect(stderr).toMatch(/^No run in \.plimsoll\/results has the id or name "nobody": .*\n$/);
    expect(code).toBe(104);
  });
});
