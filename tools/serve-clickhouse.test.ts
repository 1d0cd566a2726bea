/** The server for trying, as a person starts and ends it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plimsoll-serve-'));
});
afterEach(() => rm(folder, { recursive: true }));

function start(...args: string[]) {
  const script = join(import.meta.dirname, 'serve-clickhouse.mjs');
  const child = spawn(process.execPath, [script, ...args], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => `${code} ${said}`);
  return { child, said: () => said, ended };
}

it('serves until it is told to end, and refuses a port that is taken', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const port = String((probe.address() as AddressInfo).port);
  expect(await start('--port', port).ended).toMatch(
    new RegExp(`^1 port ${port} on 127\\.0\\.0\\.1 cannot be used \\(EADDRINUSE\\): choose another with --port\n$`),
  );
  probe.close();
  await once(probe, 'close');

  const server = start('--port', port);
  await expect
    .poll(server.said, { timeout: 15_000 })
    .toMatch(/Use it with --results http:\/\/127\.0\.0\.1:\d+\/plimsoll/);
  const answer = await fetch(`http://127.0.0.1:${port}/?query=SELECT%201`, { headers: { connection: 'close' } });
  expect(await answer.text()).toBe('1\n');
  server.child.kill('SIGINT');
  expect(await server.ended).toMatch(/^0 ClickHouse listens on/);
});

it.each([
  [['--port', '99999'], /^1 --port 99999 is no port; usage: /],
  [['--prt', '1'], /^1 Unknown option '--prt'.*; usage: /s],
])('refuses %j with the way to use it', async (args, said) => {
  expect(await start(...args).ended).toMatch(said);
});
