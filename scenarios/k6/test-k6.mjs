#!/usr/bin/env node
/**
 * `npm run test:k6`: does the real k6 run scenarios/k6/chat.ts against a node? Starts a node on a free port, lets k6 chat over it
 * for some seconds, checks that everything sent was received and every threshold judged, then that a threshold which can't hold
 * gives k6's exit code 99. Exits 0 with "left out" when k6 is not installed, 1 when something is not as it should be.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..', '..');
const THRESHOLD_FAILED = 99;
const VUS = 20;
const RATE = 100;
const LIMIT_MS = 250;
const SECONDS = 5;
const K6_TIMEOUT_MS = 60_000;

const k6 = findK6();
if (k6 === null) {
  console.log(
    'left out: k6 is not installed. Install it with "go install go.k6.io/k6@latest" (it lands in ~/go/bin, where this looks),\n' +
      'or see https://grafana.com/docs/k6/latest/set-up/install-k6/; it is looked for in PATH, $GOBIN, $GOPATH/bin and ~/go/bin.',
  );
  process.exit(0);
}

const folder = mkdtempSync(join(tmpdir(), 'plimsoll-k6-'));
const node = spawn(
  process.execPath,
  [
    join(ROOT, 'loadgen', 'cli', 'bin.mjs'),
    ...['serve', '--dev', '--json', '--stop-with-parent', '--port', '0', '--shards', '2', '--store', 'memory:'],
  ],
  { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] },
);
const nodeGone = once(node, 'exit');
try {
  console.log(`k6: ${k6}, ${(await run(['version'])).stdout.trim()}`);
  const target = `ws://127.0.0.1:${await portOf(node)}`;
  console.log(`node: ${target}, two shards, in memory`);

  console.log(`\n${VUS} virtual users, ${RATE} messages/s for ${SECONDS} s:`);
  const good = await chat(target, SECONDS, LIMIT_MS);
  check(good.code === 0, `k6 ended with code ${good.code}, expected 0`);
  const count = (name) => good.metrics[name]?.values.count ?? 0;
  const sent = count('messages_sent');
  check(sent >= RATE * SECONDS * 0.9, `k6 sent ${sent} messages, expected about ${RATE * SECONDS}`);
  for (const name of ['messages_acknowledged', 'messages_delivered'])
    check(count(name) === sent, `${name} is ${count(name)}, expected ${sent}, as many as were sent`);
  const judged = Object.entries(good.metrics).flatMap(([name, { thresholds }]) =>
    Object.entries(thresholds ?? {}).map(([text, { ok }]) => ({ text: `${name}: ${text}`, ok })),
  );
  check(judged.length === 5, `${judged.length} thresholds were judged, expected 5`);
  for (const { text, ok } of judged) check(ok, `the threshold ${text} failed`);
  console.log(`→ ${sent} sent, ${sent} acknowledged, ${sent} received; ${judged.length} thresholds hold`);

  console.log('\nthe same with p(99)<0, which can’t hold:');
  const bad = await chat(target, 1, 0);
  check(bad.code === THRESHOLD_FAILED, `k6 ended with code ${bad.code}, expected ${THRESHOLD_FAILED}`);
  console.log(`→ exit code ${bad.code}, as it should be`);
} catch (error) {
  console.error(`test:k6 failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  node.kill('SIGTERM');
  await nodeGone;
  rmSync(folder, { recursive: true, force: true });
}

/** The first executable k6 of PATH, $GOBIN, $GOPATH/bin and ~/go/bin; null when there is none. */
function findK6() {
  const { PATH = '', GOBIN, GOPATH } = process.env;
  const folders = [...PATH.split(delimiter), GOBIN, GOPATH && join(GOPATH, 'bin'), join(homedir(), 'go', 'bin')];
  const candidates = folders.filter(Boolean).map((path) => join(path, 'k6'));
  return candidates.find((path) => isExecutable(path)) ?? null;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function chat(target, seconds, limitMs) {
  const summary = join(folder, `summary-${limitMs}.json`);
  const variables = { TARGET: target, VUS, RATE, DURATION: `${seconds}s`, LIMIT_MS: limitMs, SUMMARY: summary };
  const flags = Object.entries(variables).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const { code, stdout, stderr } = await run(['run', '--quiet', ...flags, join(ROOT, 'scenarios', 'k6', 'chat.ts')]);
  process.stdout.write(`${stdout}${stderr}`.replace(/^/gm, '  ').trimEnd());
  console.log();
  return { code, metrics: JSON.parse(readFileSync(summary, 'utf8')).metrics };
}

async function run(args) {
  const child = spawn(k6, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], timeout: K6_TIMEOUT_MS });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'])
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  const [code] = await once(child, 'close');
  return { code, ...output };
}

/** The node says on its first line where it listens. */
async function portOf(node) {
  let text = '';
  node.stdout.setEncoding('utf8');
  for await (const chunk of node.stdout) {
    text += chunk;
    if (text.includes('\n')) return JSON.parse(text.split('\n')[0]).listening.port;
  }
  throw new Error('the node ended before it listened; it says why above');
}

function check(holds, sentence) {
  if (!holds) throw new Error(sentence);
}
