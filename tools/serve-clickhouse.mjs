#!/usr/bin/env node
/**
 * `node tools/serve-clickhouse.mjs [--port 8123] [--data .plimsoll/clickhouse]`: a ClickHouse server on this machine to
 * try `--results http://…` and the ready queries with, where none is installed. It has no password, listens on 127.0.0.1
 * only, and rests on an undocumented entry of chDB: production wants the official server (docker-compose.yml).
 */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const STARTING_MS = 30_000;

const { port, data } = flags();
await checkPort(port);
try {
  mkdirSync(data, { recursive: true });
} catch (error) {
  fail(`the data directory ${data} cannot be made: ${error.message}`);
}

const listener = fileURLToPath(new URL('./clickhouse-listener.mjs', import.meta.url));
const child = spawn(process.execPath, [listener, String(port), data], {
  stdio: ['pipe', 'ignore', 'pipe'],
  // A Ctrl-C of the terminal would end it in the middle of a write; closing its input lets it finish.
  detached: true,
});
let said = '';
child.stderr.setEncoding('utf8').on('data', (text) => {
  said = (said + text).slice(-4096);
});
child.on('exit', (code, signal) => {
  if (stopping) process.exit();
  fail(
    `ClickHouse ended (${signal ?? `exit code ${code}`}): ${said.trim().split('\n').at(-1) || 'it did not say why'}`,
  );
});

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    stopping = true;
    child.stdin.end();
  });
}

const deadline = Date.now() + STARTING_MS;
while (!(await answers())) {
  if (Date.now() > deadline) {
    child.kill('SIGKILL');
    fail(`ClickHouse did not answer on port ${port} within ${STARTING_MS / 1000} s`);
  }
  await delay(50);
}
process.stdout.write(
  `ClickHouse listens on http://127.0.0.1:${port}, for trying only; its data is in ${data}.\n` +
    `Use it with --results http://127.0.0.1:${port}/plimsoll; Ctrl-C ends it.\n`,
);

function flags() {
  try {
    const { values } = parseArgs({ options: { port: { type: 'string' }, data: { type: 'string' } } });
    const port = Number(values.port ?? 8123);
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Error(`--port ${values.port} is no port`);
    return { port, data: resolve(values.data ?? '.plimsoll/clickhouse') };
  } catch (error) {
    return fail(`${error.message}; usage: node tools/serve-clickhouse.mjs [--port 8123] [--data <directory>]`);
  }
}

/** Otherwise the ping below would be answered by whoever has it. */
async function checkPort(port) {
  const probe = createServer();
  await new Promise((listening) => {
    probe.once('error', ({ code }) =>
      fail(`port ${port} on 127.0.0.1 cannot be used (${code}): choose another with --port`),
    );
    probe.listen(port, '127.0.0.1', listening);
  });
  await new Promise((closed) => probe.close(closed));
}

function answers() {
  return fetch(`http://127.0.0.1:${port}/ping`).then(
    (response) => response.ok,
    () => false,
  );
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
