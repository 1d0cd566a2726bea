/** Whole runs whose coordinator is killed, or whose results store goes away: what was recorded is there in the end. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type ClickHouseServer, startClickHouse } from '../../reports/results/clickhouse-server.suite.ts';
import { openResultsStore } from '../../reports/results/results-store-open.ts';
import { eventually, Workspace } from '../testing/command-line.ts';

const TIMEOUT = 180_000;

const scenario = (steady: string, faults: object[] = []) => ({
  name: 'small',
  description: 'a few users',
  question: 'q',
  badSign: 'b',
  connections: 40,
  load: { rate: 50, arrivals: 'poisson' },
  phases: { warmUp: '1s', steady, drain: '5s' },
  server: { shards: 1, store: 'memory:' },
  options: { thresholds: { messages_lost: ['count==0'] } },
  faults,
});

let workspace: Workspace;
let server: ClickHouseServer;
beforeAll(async () => {
  workspace = new Workspace();
  server = await startClickHouse();
});
afterAll(async () => {
  await workspace.close();
  await server.stop();
});

function write(name: string, content: object): string {
  writeFileSync(join(workspace.directory, name), `export default ${JSON.stringify(content)};\n`);
  return name;
}

const spools = (): string[] => {
  const root = join(workspace.directory, '.plimsoll', 'spool');
  return existsSync(root) ? readdirSync(root) : [];
};

it('kill -9 of the coordinator while its store stands still: two seconds are lost at most, nothing stays behind', {
  timeout: TIMEOUT,
}, async () => {
  const file = write('killed.mjs', scenario('60s', [{ kind: 'results-store-outage', at: '1s', for: '50s' }]));
  const run = workspace.start(['run', file, '-a', '1']);
  await run.until(/fault results-store-outage/);
  const frozen = (): number[] => workspace.processes().filter((pid) => stateOf(pid) === 'T');
  const [store] = await eventually(() => frozen().length === 1 && frozen(), 'a frozen results store');
  // Rows of some seconds wait by then; the kill comes at any time after.
  const spool = join(workspace.directory, '.plimsoll', 'spool', spools()[0]!);
  const startSize = sizeOf(spool);
  await eventually(() => sizeOf(spool) > startSize + 4_000, 'rows on disk');
  run.child.kill('SIGKILL');
  const killedAt = Date.now();
  await run.finished;
  await eventually(() => !workspace.processes().includes(store!), 'the end of the store that stood still');

  const runs = await workspace.run(['runs']);
  expect(runs.stdout).toMatch(/small +interrupted/);
  expect(runs.stderr).toMatch(/run \S+: \d+ rows delivered that waited on disk/);
  expect(spools()).toEqual([]);
  const report = await workspace.run(['report', '--html', 'r.html']);
  expect(report).toMatchObject({ code: 0, stderr: 'HTML report: r.html\n' });
  expect(readFileSync(join(workspace.directory, 'r.html'), 'utf8')).toMatch(/cut short/);

  const results = await openResultsStore(`chdb:${join(workspace.directory, '.plimsoll', 'results')}`);
  const { counters } = await results.loadRun('latest').finally(() => results.close());
  const seconds = (counters.messages_sent ?? []).map(({ atMs }) => atMs);
  // Rows are named after the start of their second.
  expect(killedAt - (Math.max(...seconds) + 1_000)).toBeLessThan(2_000);
  const gaps = seconds.slice(1).map((atMs, index) => atMs - seconds[index]!);
  expect(Math.max(...gaps)).toBeLessThan(3_000);
});

it('a server that goes away in mid-run: the run is judged, its rows wait, and are delivered later, once', {
  timeout: TIMEOUT,
}, async () => {
  const results = `${server.url}/plimsoll`;
  const file = write('away.mjs', scenario('4s'));
  const run = workspace.start(['run', file, '-a', '1', '--results', results, '--summary-json', 's.json']);
  await run.until(/steady/);
  await server.kill();
  const { code, stderr, stdout } = await run.finished;
  expect(code).toBe(0);
  expect(stderr.match(/does not answer; rows go to disk/g)).toHaveLength(1);
  expect(stderr).toMatch(
    /results: \d+ rows of this run wait on disk in \.plimsoll\/spool\/\S+; "plimsoll report --flush --results http/,
  );
  expect(stdout).toMatch(/PASS +small/);
  const summary = workspace.summary('s.json');
  // That would stay, and be false once they are delivered.
  expect(summary.notes.join('\n')).not.toMatch(/wait/);
  const reports = readdirSync(join(workspace.directory, '.plimsoll', 'reports'));
  expect(reports).toContain(`${summary.metadata.runId}.html`);
  expect(spools()).toHaveLength(1);

  const away = await workspace.run(['report', '--flush', '--results', results]);
  expect(away.code).toBe(1);
  expect(away.stderr).toMatch(/does not answer.*of rows keep waiting in/);
  expect(away.stderr.trim().split('\n')).toHaveLength(1);

  await server.restart();
  const [first, second] = await Promise.all([
    workspace.run(['report', '--flush', '--results', results]),
    workspace.run(['report', '--flush', '--results', results]),
  ]);
  expect([first.code, second.code]).toEqual([0, 0]);
  expect((first.stdout + second.stdout).match(/rows delivered that waited/g)).toHaveLength(1);
  expect(spools()).toEqual([]);

  const stored = await workspace.run(['report', '--json', '--results', results]);
  expect(JSON.parse(stored.stdout)).toEqual(summary);
  const store = await openResultsStore(results);
  const { counters } = await store.loadRun(summary.metadata.runId).finally(() => store.close());
  const sent = (counters.messages_sent ?? []).reduce((sum, { value }) => sum + value, 0);
  expect(sent).toBe(summary.ledger.sent);
});

function sizeOf(spool: string): number {
  const files = existsSync(spool) ? readdirSync(spool) : [];
  return files.reduce((sum, name) => sum + readFileSync(join(spool, name)).length, 0);
}

/** proc(5): `T` is stopped. */
function stateOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
  } catch {
    return '';
  }
}
