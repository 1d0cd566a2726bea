/** `plimsoll query` on an embedded store that holds one run; the answers themselves: reports/queries/ready-queries.suite.ts. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openResultsStore } from '../../reports/results/results-store-open.ts';
import { PROJECT, Workspace } from '../testing/command-line.ts';

let workspace: Workspace;

beforeAll(async () => {
  workspace = new Workspace();
  const store = await openResultsStore(`chdb:${join(workspace.directory, '.plimsoll/results')}`);
  const start = { name: 'a', tags: {}, scenario: '=smoke', scenarioText: '', command: '', seed: 1, config: {} };
  await store.startRun({ ...start, runId: 'run-a', startedAtMs: Date.now(), environment: {} });
  await store.close();
});
afterAll(() => workspace.close());

async function output(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await workspace.run(['query', ...args]);
  return `${code} ${stdout}${stderr}`;
}

it('lists what is ready to be asked, without opening a store', async () => {
  const listed = await output('--results', 'chdb:/dev/null/none');
  expect(listed).toMatch(/^0 /);
  expect(listed).toMatch(/slow-agent +Which agent was slow/);
  expect(listed).toMatch(/plimsoll query <name>/);
});

it('answers as a table, as JSON and as CSV, of SQL from an argument or standard input', async () => {
  const sql = 'SELECT run_id, scenario, seed FROM runs WHERE run_id = {run:String}';
  expect(await output(sql)).toBe('0 run_id  scenario  seed\nrun-a   =smoke       1\n');
  expect(await output(sql, '--csv')).toBe("0 run_id,scenario,seed\nrun-a,'=smoke,1\n");
  const bin = join(PROJECT, 'loadgen', 'cli', 'bin.mjs');
  const piped = spawnSync(process.execPath, [bin, 'query', '--json', '-'], {
    cwd: workspace.directory,
    input: `${sql};\n`,
    encoding: 'utf8',
  });
  expect(JSON.parse(piped.stdout)).toEqual([{ run_id: 'run-a', scenario: '=smoke', seed: 1 }]);
});

it.each<[what: string, args: string[], said: RegExp]>([
  ['an unknown name', ['slow-agnt'], /^104 there is no ready query "slow-agnt"; did you mean "slow-agent"\?\n$/],
  [
    'an unknown parameter',
    ['slow-agent', '--param', 'metrc=x'],
    /^104 --param metrc is not .* did you mean "metric"\?\n$/,
  ],
  [
    'a parameter without value',
    ['slow-agent', '--param', 'metric'],
    /^104 --param must be written k=v, not "metric"\n$/,
  ],
  ['an empty text', [''], /^104 the query is empty: /],
  ['two statements', ['SELECT 1; SELECT 2'], /^104 A query is one statement/],
  ['two forms at once', ['slow-agent', '--csv', '--json'], /^104 --csv and --json are two forms of one answer/],
  ['an unknown run', ['slow-agent', '--run', 'b'], /^104 No run in .* has the id or name "b"/],
])('refuses %s in a sentence', async (_, args, said) => {
  expect(await output(...args)).toMatch(said);
});
