/** A server that nobody here wrote, through its own client: the contract, and whole runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadDriver } from '../../loadgen/drivers/driver-loader.ts';
import { describeTargetDriver } from '../../loadgen/drivers/target-driver.suite.ts';
import { eventually, Workspace } from '../../loadgen/testing/command-line.ts';

const TIMEOUT = 60_000;
let server: ChildProcess;
let target: string;
let workspace: Workspace;

beforeAll(async () => {
  workspace = new Workspace();
  server = spawn(process.execPath, [join(import.meta.dirname, 'server.mjs'), '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  server.stdout!.on('data', (text) => {
    output += text;
  });
  const port = await eventually(() => /listening on (\d+)/.exec(output)?.[1], 'the Socket.IO server');
  target = `ws://127.0.0.1:${port}`;
});
afterAll(async () => {
  await workspace.close();
  server.kill();
});

describeTargetDriver('Socket.IO', async () => ({
  createDriver: await loadDriver(join(import.meta.dirname, 'driver.ts')),
  options: { target },
  stop: () => {},
}));

const start = (name: string) =>
  workspace.start([
    ...['run', join(import.meta.dirname, 'chat.ts'), '-t', target, '-c', '200', '-R', '100', '-d', '3s'],
    ...['--results', `chdb:${name}`, '--summary-json', `${name}.json`],
  ]);

it('every message of a run arrives, once', { timeout: TIMEOUT }, async () => {
  const { code } = await start('calm').finished;
  const { ledger, verdict, connecting } = workspace.summary('calm.json');
  expect(ledger.sent).toBeGreaterThan(200);
  expect(ledger).toMatchObject({
    acknowledged: ledger.sent,
    delivered: ledger.sent,
    lost: 0,
    duplicated: 0,
    pending: 0,
  });
  expect(connecting.failed).toBe(0);
  // On a machine that is busy with something else a run may be inconclusive.
  expect([0, 98]).toContain(code);
  expect(verdict).toBe(code === 0 ? 'pass' : 'inconclusive');
});

it('what the server loses when all its clients must come back is found', { timeout: TIMEOUT }, async () => {
  const run = start('cut');
  await run.until(/^steady .*sent/m);
  server.kill('SIGUSR2');
  const { code, stdout } = await run.finished;
  const { ledger, results } = workspace.summary('cut.json');
  expect(results.metrics.find(({ name }) => name === 'reconnects')!.values).toMatchObject({ count: 200 });
  expect(ledger.lost).toBeGreaterThan(0);
  expect(ledger.delivered + ledger.lost).toBeGreaterThanOrEqual(ledger.acknowledged);
  expect(stdout).toMatch(/acknowledged message\(s\) were lost/);
  expect(code).toBe(99);
});
