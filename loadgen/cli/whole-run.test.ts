/** A run from outside, from its start to its end: what it prints, how it ends, what it leaves behind. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { HistogramLogReader, listTags } from 'hdr-histogram-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RunSummary } from '../recorder/summary.ts';
import { Workspace } from '../testing/command-line.ts';
import { SMALL, writeScenario } from './small-scenario.fixture.ts';

const TIMEOUT = 90_000;

describe('a run', () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = new Workspace();
    writeScenario(workspace, 'small.mjs', SMALL);
    const { delivery_latency } = SMALL.options.thresholds;
    const thresholds = { messages_sent: ['count<10'], delivery_latency };
    writeScenario(workspace, 'strict.mjs', { ...SMALL, options: { thresholds } });
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
    const others = ['--junit', 'j.xml', '--hlog', 'r.hlog', '--csv', 'r.csv'];
    const markdown = await workspace.run(['report', '--markdown', '-', ...others]);
    expect(markdown.stdout).toMatch(/^## ✅ PASS: first/);
    expect(markdown.code).toBe(0);
    expectExports(workspace, summary);
    const json = JSON.parse((await workspace.run(['report', 'first', '--json'])).stdout);
    expect(json).toEqual(summary);
  });

  it('whose threshold fails ends with 99, or 98 if the generator was strained', { timeout: TIMEOUT }, async () => {
    const { code, stdout, stderr } = await workspace.run([
      'run',
      'strict.mjs',
      '-d',
      '1s',
      '-q',
      '--summary-json',
      'strict.json',
    ]);
    expect(unwrapped(stdout)).toMatch(/messages_sent should meet count<10, but was \d+/);
    expect(stderr).toBe('');
    const { verdict, results, validity } = workspace.summary('strict.json');
    expect(results.thresholds[0]).toMatchObject({ metric: 'messages_sent', threshold: 'count<10', ok: false });
    // On a machine that is busy with other tests the agent may rightly come under suspicion.
    expect(verdict).toBe(validity.valid ? 'fail' : 'inconclusive');
    expect(code).toBe(validity.valid ? 99 : 98);
    const ignored = await workspace.run(['run', 'strict.mjs', '-d', '1s', '--no-thresholds']);
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
      '--hlog',
      'idle.hlog',
    ]);
    expect(stderr).not.toMatch(/Warning/);
    expect(workspace.summary('idle.json')).toMatchObject({ verdict: 'pass', ledger: { sent: 0 } });
    expect(listTags(readFileSync(join(workspace.directory, 'idle.hlog'), 'utf8'))).toEqual(['connect_latency']);
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
    expect(unwrapped(stdout)).toMatch(/the door is shut/);
    const summary = workspace.summary('mine.json');
    expect(summary.connecting.failed).toBe(4);
    expect(summary.results.metrics.find(({ name }) => name === 'connect_failed')!.values).toMatchObject({ count: 4 });
    expect(code).toBe(99);
  });
});

/** What other tools read says what the summary says: every message is in it, in its second. */
function expectExports({ directory }: Workspace, { metadata, ledger, results }: RunSummary): void {
  const read = (file: string): string => readFileSync(join(directory, file), 'utf8');
  const junit = read('j.xml');
  expect(junit).toContain(`<property name="run" value="${metadata.runId}"/>`);
  expect(junit).toMatch(/ failures="0" errors="0" skipped="0" /);
  expect(junit.match(/<testcase name=".*" classname="first.thresholds"/g)).toHaveLength(results.thresholds.length);

  const reader = new HistogramLogReader(read('r.hlog'));
  let delivered = 0;
  for (let next = reader.nextIntervalHistogram(); next !== null; next = reader.nextIntervalHistogram())
    if (next.tag === 'delivery_latency') delivered += next.totalCount;
  expect(delivered).toBe(ledger.delivered);

  const rows = read('r.csv')
    .split('\r\n')
    .map((line) => line.split(','));
  const sumOf = (kind: string, metric: string, column: number): number =>
    rows.reduce((sum, row) => sum + (row[3] === kind && row[4] === metric ? Number(row[column]) : 0), 0);
  expect(sumOf('trend', 'delivery_latency', 6)).toBe(ledger.delivered);
  expect(sumOf('counter', 'messages_delivered', 14)).toBe(ledger.delivered);
}

/** A summary breaks its sentences into lines. */
function unwrapped(text: string): string {
  return text.replaceAll(/\s+/g, ' ');
}
