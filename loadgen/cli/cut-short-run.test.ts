/** A run from outside that does not get to its end, or not with all of its processes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, Workspace } from '../testing/command-line.ts';
import { SMALL, writeScenario } from './small-scenario.fixture.ts';

const TIMEOUT = 90_000;

describe('a run', () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = new Workspace();
    writeScenario(workspace, 'slow-connect.mjs', { ...SMALL, connecting: { perSecond: 5 } });
    writeScenario(workspace, 'long.mjs', { ...SMALL, phases: { warmUp: '1s', steady: '60s', drain: '1s' } });
    writeScenario(workspace, 'stored.mjs', {
      ...SMALL,
      server: { shards: 2 },
      phases: { warmUp: '1s', steady: '6s', drain: '10s' },
    });
  });
  afterEach(() => {
    expect(workspace.processes(), 'processes left behind').toEqual([]);
  });
  afterAll(() => workspace.close());

  it.each([
    ['while connecting', ['slow-connect.mjs'], /^connect /m],
    ['in the steady phase', ['long.mjs'], /^steady /m],
  ])(
    'that is stopped %s ends in order with 105 and keeps what was measured',
    { timeout: TIMEOUT },
    async (_when, args, moment) => {
      const run = workspace.start(['run', ...args, '--summary-json', 'stopped.json']);
      await run.until(moment);
      run.child.kill('SIGINT');
      const { code, stdout, stderr } = await run.finished;
      expect(stderr).toMatch(/stopping in order/);
      expect(code).toBe(105);
      expect(stdout).toMatch(/INCONCLUSIVE/);
      const summary = workspace.summary('stopped.json');
      expect(summary.metadata.complete).toBe(false);
      expect(summary.validity.reasons.join()).toMatch(/stopped before its end/);
      const runs = JSON.parse((await workspace.run(['runs', '--json'])).stdout) as Array<Record<string, unknown>>;
      expect(runs[0]).toMatchObject({ runId: summary.metadata.runId, verdict: 'inconclusive' });
    },
  );

  it('that is stopped before the node is up ends with 105', { timeout: TIMEOUT }, async () => {
    const run = workspace.start(['run', 'long.mjs']);
    await run.until(/./s).catch(() => {});
    run.child.kill('SIGTERM');
    const { code } = await run.finished;
    expect([105, null]).toContain(code);
  });

  it('whose agent dies names it and is not called a pass', { timeout: TIMEOUT }, async () => {
    const run = workspace.start(['run', 'long.mjs', '-d', '4s', '--agents', '2', '--summary-json', 'dead.json']);
    await run.until(/^steady /m);
    const agent = agentProcesses(workspace)[0]!;
    process.kill(agent, 'SIGKILL');
    const { code } = await run.finished;
    const summary = workspace.summary('dead.json');
    expect(summary.validity.reasons.join('\n')).toMatch(/agent-\d ended by SIGKILL/);
    expect(summary.verdict).toBe('inconclusive');
    expect(code).toBe(98);
  });

  it('whose shard process dies loses nothing, and says so', { timeout: TIMEOUT }, async () => {
    const run = workspace.start(['run', 'stored.mjs', '--summary-json', 'shard.json']);
    await run.until(/^steady /m);
    const shards = shardProcesses(workspace);
    expect(shards).toHaveLength(2);
    process.kill(shards[0]!, 'SIGKILL');
    await run.finished;
    const summary = workspace.summary('shard.json');
    expect(summary.notes.join('\n')).toMatch(/shard \d (was ended by SIGKILL|died)/);
    expect(summary.ledger).toMatchObject({ lost: 0, duplicated: 0, reordered: 0 });
    const reconnects = summary.results.metrics.find(({ name }) => name === 'reconnects')!.values as { count: number };
    expect(reconnects.count).toBeGreaterThan(0);
  });

  it('whose coordinator is killed leaves no process, and is listed as interrupted', { timeout: TIMEOUT }, async () => {
    const run = workspace.start(['run', 'long.mjs']);
    await run.until(/^steady /m);
    // What came in the last moment may be lost: a latency is to be on disk.
    await eventually(() => spooled(workspace).includes('"delivery_latency"'), 'deliveries in the spool');
    run.child.kill('SIGKILL');
    await eventually(() => workspace.processes().length === 0, 'all processes to end');
    const runs = JSON.parse((await workspace.run(['runs', '--json'])).stdout) as Array<Record<string, unknown>>;
    expect(runs[0]).toMatchObject({ scenario: 'small', status: 'interrupted', verdict: null });
    const report = await workspace.run(['report']);
    expect(report.stdout).toMatch(/cut short|interrupted/i);
    expect(report.code).toBe(0);

    // What there is is written; what there is not is said.
    const files = ['s.json', 'r.html', 'm.md', 'j.xml', 'r.hlog', 'r.csv'];
    const flags = ['--summary-json', '--html', '--markdown', '--junit', '--hlog', '--csv'];
    const exported = await workspace.run(['report', ...flags.flatMap((flag, index) => [flag, files[index]!])]);
    expect(exported).toMatchObject({ code: 104, stdout: '' });
    expect(exported.stderr).toMatch(
      /^run \S+ was cut short before it had a summary; plimsoll report \S+ --html report.html shows/m,
    );
    const written = files.filter((file) => existsSync(join(workspace.directory, file)));
    expect(written).toEqual(files.slice(1));
    const log = readFileSync(join(workspace.directory, 'r.hlog'), 'utf8');
    expect(log).toMatch(/^#\[Run \S+ of Plimsoll, interrupted\]\n/);
    expect(log).toContain('Tag=delivery_latency,');
  });
});

/** Rows that wait on disk; a file is removed once its rows are in the results store. */
function spooled(workspace: Workspace): string {
  const root = join(workspace.directory, '.plimsoll', 'spool');
  const files = existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : [];
  try {
    return files
      .filter((file) => file.endsWith('.rows'))
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('');
  } catch {
    return '';
  }
}

function agentProcesses(workspace: Workspace): number[] {
  return processesRunning(workspace, 'agent-process');
}

function shardProcesses(workspace: Workspace): number[] {
  return processesRunning(workspace, 'shard-process');
}

function processesRunning(workspace: Workspace, program: string): number[] {
  return workspace.processes().filter((pid) => workspace.commandOf(pid).includes(program));
}
