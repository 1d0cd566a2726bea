/** Whole runs with HTTP calls and thresholds: what ends a run early, and what is told of it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { summaryProblems } from '../../reports/summary-schema.suite.ts';
import { eventually, Workspace } from '../testing/command-line.ts';

const TIMEOUT = 90_000;

const SCENARIO = {
  name: 'with-http',
  description: 'a few users and HTTP calls',
  question: 'q',
  badSign: 'b',
  connections: 40,
  load: { rate: 50, arrivals: 'constant' },
  phases: { warmUp: '1s', steady: '40s', drain: '5s' },
  server: { shards: 2, store: 'memory:' },
  http: {
    rate: 60,
    connections: 6,
    requests: [
      { path: '/v1/timeline?user={user}&limit=5', weight: 4 },
      { path: '/v1/route?user={peer}' },
      { path: '/v1/nowhere' },
    ],
  },
  options: {
    thresholds: {
      delivery_latency: ['p(99)<10000'],
      http_req_duration: ['p(99)<10000', 'avg<10000 over 2s'],
      http_req_failed: ['rate<0.3', 'rate>0.01 over 2s'],
      http_reqs: ['rate>50'],
      server_cpu_microseconds_per_message: ['<1e9'],
      server_cpu: ['max<100 over 2s'],
      messages_sent: [{ threshold: 'rate<20 over 2s', abortOnFail: true, delayAbortEval: '4s' }],
    },
  },
};

function write(workspace: Workspace, name: string, scenario: object): string {
  writeFileSync(join(workspace.directory, name), `export default ${JSON.stringify(scenario)};\n`);
  return name;
}

describe('a run with HTTP calls', () => {
  let workspace: Workspace;
  beforeAll(() => {
    workspace = new Workspace();
  });
  afterAll(() => workspace.close());

  it('is described before anything runs, with what its thresholds can’t tell', { timeout: TIMEOUT }, async () => {
    const thresholds = { fanout_latency: ['p(99)<100'], server_memory_bytes_per_connection: ['<8000'] };
    const scenario = write(workspace, 'described.mjs', { ...SCENARIO, options: { thresholds } });
    const { code, stdout } = await workspace.run(['validate', scenario]);
    expect(stdout).toMatch(/HTTP +60 calls\/s by autocannon, over 6 connection\(s\)/);
    expect(stdout).toMatch(/40\/s GET \/v1\/timeline\?user=\{user\}&limit=5/);
    expect(stdout).toContain('server_memory_bytes_per_connection <8000');
    expect(stdout).toMatch(/mind +The threshold fanout_latency p\(99\)<100 holds if nothing is measured/);
    expect(code).toBe(0);
  });

  it('is ended by a threshold over a window, and judged over what was measured', { timeout: TIMEOUT }, async () => {
    const scenario = write(workspace, 'with-http.mjs', SCENARIO);
    const { code, stdout } = await workspace.run(['run', scenario, '-a', '1', '--summary-json', 's.json']);
    const summary = workspace.summary('s.json');
    expect(summaryProblems(summary)).toEqual([]);
    const { metrics, thresholds } = summary.results;
    const valuesOf = (name: string) => metrics.find((metric) => metric.name === name)?.values as Record<string, number>;

    const [last] = thresholds.slice(-1);
    expect(last).toMatchObject({ metric: 'messages_sent', threshold: 'rate<20 over 2s', ok: false });
    expect(last!.endedRunAtSeconds).toBeGreaterThan(4);
    expect(last!.endedRunAtSeconds).toBeLessThan(20);
    expect(thresholds.slice(0, -1).filter(({ ok }) => !ok)).toEqual([]);
    expect(summary.notes.join('\n')).toMatch(
      /the threshold messages_sent rate<20 over 2s failed with [\d.]+, \d+(\.\d)? s into/,
    );
    expect(stdout).toMatch(/✗ messages_sent +rate<20 over 2s .*, which ended the run after/);
    expect(summary.verdict).toBe('fail');
    expect(code).toBe(99);

    const steady = summary.phases.find(({ phase }) => phase === 'steady')!;
    const seconds = (steady.endMs - steady.startMs) / 1_000;
    expect(seconds).toBeLessThan(20);
    // Every connection makes its calls of a second at the beginning of it: the edges cut up to one second's calls.
    expect(Math.abs(valuesOf('http_req_duration').count! - 60 * seconds)).toBeLessThanOrEqual(60);
    const { passes, fails, rate } = valuesOf('http_req_failed') as { passes: number; fails: number; rate: number };
    expect(rate).toBe(passes / (passes + fails));
    expect(Math.abs(rate - 1 / 6)).toBeLessThan(0.12);
    expect(valuesOf('http_reqs').count).toBeGreaterThan(passes + fails);
    // Too few connections to tell their cost from the noise.
    expect(valuesOf('server_memory_bytes_per_connection')).toBeUndefined();

    const stored = await workspace.run(['report', '--json', '--html', 'o.html']);
    expect(JSON.parse(stored.stdout).results).toEqual(summary.results);
    expect(readFileSync(join(workspace.directory, 'o.html'), 'utf8')).toContain('HTTP calls per second');
  });

  it('whose process dies is named, and does not pass', { timeout: TIMEOUT }, async () => {
    const phases = { warmUp: '1s', steady: '3s', drain: '5s' };
    const scenario = write(workspace, 'dies.mjs', { ...SCENARIO, phases, options: {} });
    const run = workspace.start(['run', scenario, '-a', '1', '--summary-json', 'dies.json']);
    await run.until(/warm-up/);
    const victim = await eventually(
      () => workspace.processes().find((pid) => workspace.commandOf(pid).includes('http-load-process')),
      'the process of the HTTP load',
    );
    process.kill(victim, 'SIGKILL');
    const { code } = await run.finished;
    const summary = workspace.summary('dies.json');
    expect(summaryProblems(summary)).toEqual([]);
    expect(summary.verdict).toBe('inconclusive');
    expect(summary.validity.reasons.join('\n')).toContain('http-load ended by SIGKILL during the run');
    expect(code).toBe(98);
    expect(workspace.processes()).toEqual([]);
  });
});

it('a run whose virtual users all come later is measured, and claims what they came to', {
  timeout: TIMEOUT,
}, async () => {
  const workspace = new Workspace();
  const stages = [
    { target: 4, duration: '1s' },
    { target: 4, duration: '1s' },
  ];
  const scenario = write(workspace, 'later.mjs', {
    ...{ name: 'later', description: 'd', question: 'q', badSign: 'b' },
    server: { shards: 1, store: 'memory:' },
    options: { scenarios: { later: { executor: 'ramping-vus', startVUs: 0, stages } } },
  });
  await workspace.run(['run', scenario, '-a', '1', '-q', '--summary-json', 's.json']);
  const { claim, ledger } = workspace.summary('s.json');
  expect(ledger.delivered).toBeGreaterThan(20);
  expect(claim).toMatch(/4 connections that sent [\d,.]+ messages\/s/);
  workspace.close();
});
