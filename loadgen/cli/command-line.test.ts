/** The command line from outside: what it prints, how it ends, what it leaves behind. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually, Workspace } from '../testing/command-line.ts';

const TIMEOUT = 90_000;

/** A run of a few seconds. */
const SMALL = {
  name: 'small',
  description: 'a few users',
  question: 'q',
  badSign: 'b',
  connections: 60,
  load: { rate: 50, arrivals: 'poisson' },
  phases: { warmUp: '1s', steady: '3s', drain: '5s' },
  server: { shards: 2, store: 'memory:' },
  options: { thresholds: { delivery_latency: ['p(99)<1000'], messages_lost: ['count==0'] } },
};

function write(workspace: Workspace, name: string, scenario: object): string {
  writeFileSync(join(workspace.directory, name), `export default ${JSON.stringify(scenario)};\n`);
  return name;
}

describe('a mistake', () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = new Workspace();
    write(workspace, 'unknown-field.mjs', { ...SMALL, conections: 5 });
    write(workspace, 'threshold.mjs', { ...SMALL, options: { thresholds: { delivery_latency: ['p99<100'] } } });
    write(workspace, 'metric.mjs', { ...SMALL, options: { thresholds: { delivry_latency: ['p(99)<100'] } } });
    write(workspace, 'rate.mjs', { ...SMALL, load: { rate: 5e9 } });
    write(workspace, 'small.mjs', SMALL);
    writeFileSync(join(workspace.directory, 'exits.mjs'), 'process.exit(0);\nexport default {};\n');
    writeFileSync(join(workspace.directory, 'waits.mjs'), 'await new Promise(() => {});\nexport default {};\n');
    writeFileSync(join(workspace.directory, 'broken.ts'), 'export default {\n  name: "x",,\n};\n');
    mkdirSync(join(workspace.directory, 'foreign'));
    writeFileSync(join(workspace.directory, 'foreign', 'notes.txt'), 'mine');
    writeFileSync(join(workspace.directory, 'a-file'), 'mine');
  });
  afterAll(() => workspace.close());

  it.each<[string, string[], RegExp]>([
    ['no command', [], /Say which command/],
    ['an unknown command', ['rnu', 'smoke'], /rnu/],
    ['an unknown flag', ['run', 'smoke', '--conections', '5'], /conections/],
    ['an unknown scenario', ['run', 'smok'], /there is no scenario "smok"; did you mean "smoke"\?/],
    ['a scenario that does not parse', ['run', 'broken.ts'], /broken\.ts:2:\d+ does not parse/],
    ['a scenario that exits', ['run', 'exits.mjs'], /exits\.mjs ends the process while it loads/],
    ['a scenario that never loads', ['validate', 'waits.mjs'], /waits\.mjs never gets ready/],
    [
      'an output that can’t be written',
      ['run', 'small.mjs', '--html', '/proc/x'],
      /--html: \/proc\/x can't be written/,
    ],
    ['an unknown field', ['run', 'unknown-field.mjs'], /"conections" is not a field of a scenario.*connections/],
    ['a malformed threshold', ['run', 'threshold.mjs'], /p99<100/],
    ['an unknown metric', ['run', 'metric.mjs'], /delivry_latency.*delivery_latency/],
    ['an impossible rate', ['run', 'rate.mjs'], /rate/],
    ['a negative rate', ['run', 'small.mjs', '-R', '-5'], /rate/],
    ['connections that are no number', ['run', 'small.mjs', '-c', 'many'], /--connections.*many/],
    ['a duration without a unit', ['run', 'small.mjs', '-d', '60'], /--duration/],
    [
      'a target that is no address',
      ['run', 'small.mjs', '-t', 'http://here'],
      /--target must be written ws:\/\/host:port/,
    ],
    ['a results address that is none', ['run', 'small.mjs', '--results', 'mysql://x'], /results URL/i],
    [
      'a driver that is not there',
      ['run', 'small.mjs', '--driver', './nobody.ts'],
      /the driver .*nobody\.ts can't be loaded/,
    ],
    ['a tag without a value', ['run', 'small.mjs', '--tag', 'nightly'], /--tag must be written k=v/],
    ['more agents than users', ['run', 'small.mjs', '-a', '100'], /100 agents are more than the 60 users/],
    [
      'a data directory of somebody else',
      ['run', 'small.mjs', '--data', 'foreign'],
      /foreign is not empty and not a data directory/,
    ],
    ['a data directory that is a file', ['run', 'small.mjs', '--data', 'a-file'], /a-file/],
    [
      'a give-up time of nothing',
      ['serve', '--dev', '--commit-give-up', '0s'],
      /--commit-give-up must be from 1s to 1h/,
    ],
    ['a node without a secret', ['serve'], /PLIMSOLL_AUTH_SECRET.*--dev/],
    ['a validate of nothing', ['validate', 'nothing.ts'], /there is no scenario "nothing.ts"/],
  ])('%s ends with 104 and one sentence, before any load', { timeout: TIMEOUT }, async (_what, args, sentence) => {
    const { code, stdout, stderr } = await workspace.run(args, { PLIMSOLL_AUTH_SECRET: '' });
    expect(stderr).toMatch(sentence);
    expect(code).toBe(104);
    expect(stdout).toBe('');
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stderr.trim().split('\n').length).toBeLessThanOrEqual(2);
    expect(stderr).not.toContain('warm-up');
  });

  it('of a target that nobody serves is said at once', { timeout: TIMEOUT }, async () => {
    const { code, stderr } = await workspace.run(['run', 'small.mjs', '-t', 'ws://127.0.0.1:1']);
    expect(stderr).toMatch(/127\.0\.0\.1:1/);
    expect(code).toBe(1);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  it('of a taken port is said at once', { timeout: TIMEOUT }, async () => {
    const blocker = createServer().listen(0, '127.0.0.1');
    const { port } = await eventually(() => blocker.address() as { port: number } | null, 'a port');
    const { code, stderr } = await workspace.run(['serve', '--dev', '--store', 'memory:', '--port', String(port)]);
    blocker.close();
    expect(stderr).toMatch(new RegExp(`port ${port} on 127\\.0\\.0\\.1 is taken`));
    expect(code).toBe(104);
  });

  it('of a data directory in use is said at once', { timeout: TIMEOUT }, async () => {
    const first = workspace.start(['serve', '--dev', '--port', '0', '--shards', '1', '--data', 'shared', '--json']);
    await first.until(/listening/);
    const { code, stderr } = await workspace.run([
      'serve',
      '--dev',
      '--port',
      '0',
      '--shards',
      '1',
      '--data',
      'shared',
    ]);
    expect(code).toBe(104);
    expect(stderr).toMatch(/shared.*(in use|locked)/i);
    first.child.kill('SIGTERM');
    expect((await first.finished).code).toBe(0);
  });

  it('in the name of a stored run is said', { timeout: TIMEOUT }, async () => {
    const empty = await workspace.run(['runs', '--results', 'chdb:nothing-here']);
    expect(empty.stderr + empty.stdout).toMatch(/no (run|results)/i);
    const report = await workspace.run(['report', 'nobody', '--results', 'chdb:nothing-here']);
    expect(report.code).not.toBe(0);
    expect(report.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('a served node', () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = new Workspace();
  });
  afterAll(() => workspace.close());

  it('starts its processes anew one after another on SIGHUP', { timeout: TIMEOUT }, async () => {
    const node = workspace.start(['serve', '--dev', '--port', '0', '--shards', '2', '--data', 'rolling', '--json']);
    await node.until(/listening/);
    node.child.kill('SIGHUP');
    await node.until(/rolling restart of 2 [\s\S]*shard 0 is back[\s\S]*shard 1 is back[\s\S]*rolling restart done/);
    node.child.kill('SIGTERM');
    expect((await node.finished).code).toBe(0);
  });
});

describe('a run', () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = new Workspace();
    write(workspace, 'small.mjs', SMALL);
    write(workspace, 'strict.mjs', { ...SMALL, options: { thresholds: { messages_sent: ['count<10'] } } });
    write(workspace, 'slow-connect.mjs', { ...SMALL, connecting: { perSecond: 5 } });
    write(workspace, 'long.mjs', { ...SMALL, phases: { warmUp: '1s', steady: '60s', drain: '5s' } });
    write(workspace, 'stored.mjs', {
      ...SMALL,
      server: { shards: 2 },
      phases: { warmUp: '1s', steady: '8s', drain: '10s' },
    });
  });
  afterEach(() => {
    expect(workspace.processes(), 'processes left behind').toEqual([]);
  });
  afterAll(() => workspace.close());

  it('that holds ends with 0, a closed ledger, a report, and is stored', { timeout: TIMEOUT }, async () => {
    const { code, stdout, stderr } = await workspace.run([
      'run',
      'small.mjs',
      '--summary-json',
      's.json',
      '--html',
      'r.html',
      '--name',
      'first',
      '--tag',
      'k=v',
    ]);
    expect(stderr).toMatch(/steady/);
    expect(code).toBe(0);
    expect(stdout).toMatch(/PASS/);
    const summary = workspace.summary('s.json');
    expect(summary.verdict).toBe('pass');
    expect(summary.ledger).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, pending: 0 });
    expect(summary.ledger.sent).toBeGreaterThan(100);
    expect(summary.ledger.delivered).toBe(summary.ledger.sent);
    expect(summary.config).toMatchObject({ scenario: 'small', agents: 1, shards: 2, connectionsRequested: 60 });
    expect(summary.server.connectionsPeak).toBe(60);
    expect(existsSync(join(workspace.directory, 'r.html'))).toBe(true);
    expect(readdirSync(join(workspace.directory, '.plimsoll'))).not.toContain('data');

    const runs = JSON.parse((await workspace.run(['runs', '--json'])).stdout) as Array<Record<string, unknown>>;
    expect(runs[0]).toMatchObject({
      runId: summary.metadata.runId,
      name: 'first',
      verdict: 'pass',
      status: 'finished',
      tags: { k: 'v' },
    });
    const table = await workspace.run(['runs']);
    expect(table.stdout).toContain(summary.metadata.runId);
    const markdown = await workspace.run(['report', '--markdown', '-']);
    expect(markdown.stdout).toMatch(/pass/i);
    expect(markdown.code).toBe(0);
    const json = JSON.parse((await workspace.run(['report', 'first', '--json'])).stdout);
    expect(json).toEqual(summary);
  });

  it('whose threshold fails ends with 99, or 98 if the generator was strained', { timeout: TIMEOUT }, async () => {
    const { code, stdout, stderr } = await workspace.run(['run', 'strict.mjs', '-q', '--summary-json', 'strict.json']);
    expect(stdout).toMatch(/messages_sent should meet count<10, but was \d+/);
    expect(stderr).toBe('');
    const { verdict, results, validity } = workspace.summary('strict.json');
    expect(results.thresholds[0]).toMatchObject({ metric: 'messages_sent', threshold: 'count<10', ok: false });
    // On a machine that is busy with other tests the agent may rightly come under suspicion.
    expect(verdict).toBe(validity.valid ? 'fail' : 'inconclusive');
    expect(code).toBe(validity.valid ? 99 : 98);
    const ignored = await workspace.run(['run', 'strict.mjs', '--no-thresholds']);
    expect(ignored.code).toBe(0);
  });

  it('with no messages at all only holds connections', { timeout: TIMEOUT }, async () => {
    const { code, stderr } = await workspace.run([
      'run',
      'small.mjs',
      '-R',
      '0',
      '-d',
      '2s',
      '--summary-json',
      'idle.json',
    ]);
    expect(stderr).not.toMatch(/Warning/);
    expect(workspace.summary('idle.json')).toMatchObject({ verdict: 'pass', ledger: { sent: 0 } });
    expect(code).toBe(0);
  });

  it('with a driver of the user’s own takes its errors at their word', { timeout: TIMEOUT }, async () => {
    writeFileSync(
      join(workspace.directory, 'my-driver.ts'),
      `import { type CreateDriver, DriverError } from 'plimsoll/driver';
       export const createDriver: CreateDriver = () => ({
         name: 'mine',
         capabilities: { resume: false, acknowledges: true, receipts: false, idempotent: false },
         prepare: async () => {},
         connect: async () => { throw new DriverError('server', 'the door is shut'); },
         flush: () => {},
         close: async () => {},
       });`,
    );
    const { code, stdout } = await workspace.run([
      'run',
      'small.mjs',
      '--driver',
      './my-driver.ts',
      '-t',
      'ws://127.0.0.1:9',
      '-c',
      '4',
      '-R',
      '1',
      '-d',
      '1s',
      '--summary-json',
      'mine.json',
    ]);
    expect(stdout).toMatch(/the door is shut/);
    const summary = workspace.summary('mine.json');
    expect(summary.connecting.failed).toBe(4);
    expect(summary.results.metrics.find(({ name }) => name === 'connect_failed')!.values).toMatchObject({ count: 4 });
    expect(code).toBe(99);
  });

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
    const run = workspace.start(['run', 'long.mjs', '-d', '6s', '--agents', '2', '--summary-json', 'dead.json']);
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
    run.child.kill('SIGKILL');
    await eventually(() => workspace.processes().length === 0, 'all processes to end');
    const runs = JSON.parse((await workspace.run(['runs', '--json'])).stdout) as Array<Record<string, unknown>>;
    expect(runs[0]).toMatchObject({ scenario: 'small', status: 'interrupted', verdict: null });
    const report = await workspace.run(['report']);
    expect(report.stdout).toMatch(/cut short|interrupted/i);
    expect(report.code).toBe(0);
  });
});

describe('other commands', () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = new Workspace();
  });
  afterAll(() => workspace.close());

  it('validate says what a scenario comes to', { timeout: TIMEOUT }, async () => {
    const { code, stdout } = await workspace.run(['validate', 'fifty-thousand']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/50,000/);
    expect(stdout).toMatch(/41\.7\/s/);
    expect(workspace.processes()).toEqual([]);
  });

  it('doctor says what this machine allows', { timeout: TIMEOUT }, async () => {
    const { code, stdout } = await workspace.run(['doctor']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/descriptors/i);
    const json = JSON.parse((await workspace.run(['doctor', '--json'])).stdout);
    expect(json.checks.length).toBeGreaterThan(5);
  });

  it('every command has help with an example', { timeout: TIMEOUT }, async () => {
    for (const command of ['run', 'serve', 'runs', 'report', 'validate', 'doctor', 'dead-letters']) {
      const { code, stdout } = await workspace.run([command, '--help']);
      expect(code, command).toBe(0);
      expect(stdout, command).toMatch(/Examples:/);
    }
  });
});

function agentProcesses(workspace: Workspace): number[] {
  return processesRunning(workspace, 'agent-process');
}

function shardProcesses(workspace: Workspace): number[] {
  return processesRunning(workspace, 'shard-process');
}

function processesRunning(workspace: Workspace, program: string): number[] {
  return workspace.processes().filter((pid) => workspace.commandOf(pid).includes(program));
}
