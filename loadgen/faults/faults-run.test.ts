/** Whole runs with faults: what each does to delivery is seen, nothing is lost, nothing stays broken. Built program. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { summaryProblems } from '../../reports/summary-schema.suite.ts';
import type { FaultResult, RunSummary } from '../recorder/summary.ts';
import { eventually, Workspace } from '../testing/command-line.ts';
import { canMakeNetworks, canMountDisks } from './abilities.fixture.ts';

const mayAll = canMakeNetworks({ delays: true }) && canMountDisks();

let workspace: Workspace;

beforeEach(() => {
  workspace = new Workspace();
});

afterEach(async () => {
  await workspace.close();
});

function scenario(name: string, steady: string, faults: object[], connections = 300): string {
  const file = `${name}.json`;
  const body = {
    name,
    description: `${name} under test`,
    question: 'Does delivery come back?',
    badSign: 'Anything lost.',
    connections,
    load: { rate: 150 },
    phases: { warmUp: '4s', steady, drain: '2s' },
    server: { shards: 2 },
    faults,
  };
  writeFileSync(join(workspace.directory, file), JSON.stringify(body));
  return file;
}

/** The summary of a run that went on to its end, whatever a busy machine made of its latencies. */
async function finish(
  file: string,
): Promise<{ summary: RunSummary; of: (kind: string) => FaultResult; stdout: string }> {
  const { code, stdout, stderr } = await workspace.run(['run', file, '--summary-json', 's.json', '--html', 'r.html']);
  expect([0, 98, 99], stderr).toContain(code);
  const summary = workspace.summary('s.json');
  expect(summaryProblems(summary)).toEqual([]);
  const { lost, duplicated, reordered, sent } = summary.ledger;
  expect({ lost, duplicated, reordered }).toEqual({ lost: 0, duplicated: 0, reordered: 0 });
  expect(sent).toBeGreaterThan(1_000);
  expect(summary.faults.flatMap(({ problem }) => problem ?? [])).toEqual([]);
  expect(workspace.processes()).toEqual([]);
  return { summary, of: (kind) => summary.faults.find((fault) => fault.kind === kind)!, stdout };
}

it('a killed shard, a storm, slow consumers and half-open sockets: told with their recovery in summary, report and store', async () => {
  const file = scenario('clients', '14s', [
    { kind: 'kill-shard', at: '2s', shard: 1 },
    { kind: 'reconnect-storm', at: '6s', share: 0.5 },
    { kind: 'slow-consumers', at: '8s', for: '1500ms', share: 0.3 },
    { kind: 'half-open', at: '11s', share: 0.2 },
  ]);
  const { summary, of, stdout } = await finish(file);

  expect(of('kill-shard')).toMatchObject({ connectionsBefore: 300, lost: 0 });
  expect(of('kill-shard').atSeconds).toBeCloseTo(2, 0);
  expect(of('kill-shard').recoverySeconds).toBeGreaterThan(0);
  // About half of the users live on the shard that died; each comes back once.
  expect(of('kill-shard').reconnects).toBeGreaterThan(90);
  expect(of('kill-shard').connectionsLowest).toBeLessThan(300);
  expect(of('reconnect-storm').reconnects).toBeGreaterThanOrEqual(150);
  // What came for them in these 1.5 s was received after it.
  expect(of('slow-consumers').latencyWorstMs).toBeGreaterThan(1_000);
  expect(of('half-open').reconnects).toBeGreaterThanOrEqual(60);

  const recoveries = summary.faults.map(({ recoverySeconds }) => recoverySeconds);
  if (!recoveries.includes(null)) {
    const gauge = summary.results.metrics.find(({ name }) => name === 'fault_recovery_seconds');
    expect(gauge?.values).toMatchObject({ value: Math.max(...(recoveries as number[])) });
  }
  expect(stdout).toMatch(/FAULTS\n.*kill-shard at 2(\.\d+)? s: recovered/);
  const html = readFileSync(join(workspace.directory, 'r.html'), 'utf8');
  for (const { kind } of summary.faults) expect(html).toContain(`<code>${kind}</code>`);

  const stored = await workspace.run(['report', '--json']);
  expect((JSON.parse(stored.stdout) as RunSummary).faults).toEqual(summary.faults);
}, 120_000);

describe.skipIf(!mayAll)('with a network and a disk of its own (needs the rights)', () => {
  it('cut and delayed networks, a full store disk, a results store that takes nothing: all late, nothing lost, nothing left', async () => {
    const file = scenario('surroundings', '16s', [
      { kind: 'cut-network', at: '2s', for: '1s' },
      { kind: 'delay-network', at: '6s', for: '1500ms', delay: '100ms', jitter: '20ms' },
      { kind: 'message-store-outage', at: '10s', for: '1500ms' },
      { kind: 'results-store-outage', at: '11s', for: '3s' },
    ]);
    const { summary, of } = await finish(file);

    expect(of('cut-network').forSeconds).toBeCloseTo(1, 0);
    expect(of('cut-network').latencyWorstMs).toBeGreaterThan(900);
    expect(of('cut-network').recoverySeconds).toBeGreaterThan(0.9);
    // To the server and on to the receiver.
    expect(of('delay-network').p99WorstMs).toBeGreaterThan(160);
    expect(of('message-store-outage').latencyWorstMs).toBeGreaterThan(900);
    expect(summary.notes.join('\n')).toMatch(/disk in memory/);
    expect(summary.notes.join('\n')).toMatch(/is full/);
    // All that was recorded is stored, also of the seconds in which nothing could be.
    expect(summary.validity.reasons.filter((reason) => reason.includes('stored'))).toEqual([]);
    expect(leftovers()).toEqual([]);
  }, 120_000);

  it('ended by a signal in the middle of it, everything is whole again', async () => {
    const file = scenario(
      'interrupted',
      '60s',
      [
        { kind: 'freeze-shard', at: '500ms', for: '50s', shard: 0 },
        { kind: 'message-store-outage', at: '600ms', for: '50s' },
        { kind: 'results-store-outage', at: '700ms', for: '50s' },
        { kind: 'cut-network', at: '1s', for: '50s' },
      ],
      100,
    );
    const run = workspace.start(['run', file, '--summary-json', 's.json']);
    await run.until(/fault cut-network: no packet passed/);
    expect(leftovers()).toHaveLength(2);
    const frozen = (): number[] => workspace.processes().filter((pid) => stateOf(pid) === 'T');
    await eventually(() => frozen().length === 2, 'a frozen shard and a frozen results store');
    run.child.kill('SIGTERM');
    const { code } = await run.finished;
    expect(code).toBe(105);
    expect(leftovers()).toEqual([]);
    expect(workspace.processes()).toEqual([]);
    const { faults } = workspace.summary('s.json');
    expect(faults.map(({ forSeconds }) => forSeconds! < 40)).toEqual([true, true, true, true]);
  }, 120_000);
});

it('a fault that is out of reach is a sentence before anything starts', async () => {
  const file = scenario('elsewhere', '10s', [{ kind: 'freeze-shard', at: '1s', for: '1s' }]);
  const { code, stderr } = await workspace.run(['run', file, '-t', 'ws://127.0.0.1:9']);
  expect(code).toBe(104);
  expect(stderr).toMatch(
    /the fault freeze-shard acts on processes of a node that the run starts itself: leave out --target/,
  );
});

/** Networks and mounts of the runs of this workspace. */
function leftovers(): string[] {
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('plimsoll-store ') && line.includes(workspace.directory));
  const namespaces = workspace.started.map(({ child }) => `/run/netns/plimsoll-${child.pid}`).filter(existsSync);
  return [...mounts, ...namespaces];
}

function stateOf(pid: number): string | undefined {
  try {
    return /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1];
  } catch {
    return undefined;
  }
}
