/** The command line from outside: what it prints and how it ends. Runs have files of their own. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, Workspace } from '../testing/command-line.ts';
import { SMALL, writeScenario } from './small-scenario.fixture.ts';

const TIMEOUT = 90_000;

describe('a mistake', () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = new Workspace();
    writeScenario(workspace, 'unknown-field.mjs', { ...SMALL, conections: 5 });
    writeScenario(workspace, 'threshold.mjs', { ...SMALL, options: { thresholds: { delivery_latency: ['p99<100'] } } });
    writeScenario(workspace, 'metric.mjs', { ...SMALL, options: { thresholds: { delivry_latency: ['p(99)<100'] } } });
    writeScenario(workspace, 'rate.mjs', { ...SMALL, load: { rate: 5e9 } });
    writeScenario(workspace, 'small.mjs', SMALL);
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
