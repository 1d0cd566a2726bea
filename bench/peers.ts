/**
 * `npm run bench:peers [-- plimsoll k6 …]`: what a connection and a message cost in Plimsoll's generator, in bare sockets, in k6 (scenarios/k6/chat.ts)
 * and in Artillery (its ws engine), on the same flow: every message acknowledged by the server, pushed to another connection,
 * acknowledged there, and receipted. What is not installed is named and left out. About four minutes with all of them.
 *
 * The target does nothing but answer: the null server in binary, or its twin in JSON (json-relay.ts) for tools that speak no
 * binary. It counts the messages, so that no tool's own report is believed. CPU and memory are what Linux says of the tool's
 * processes, all of them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { describeMachine } from '../loadgen/coordinator/machine.ts';
import type { NullServerCounts } from '../loadgen/drivers/null-server.ts';
import { forkNullServer } from '../loadgen/null-server/null-server-child.ts';
import { DATA_DIRECTORY, openDataDirectory } from './bench-data.ts';
import { isMet, tableOf } from './figure.ts';
import type { FromJsonRelay } from './json-relay.ts';
import { figuresOfPeers, PEER_NOTES, type PeerFigures, type Rated, tableOfPeers } from './peer-table.ts';
import { findPeers, type PeerTool } from './peer-tools.ts';
import { type ProcessUsage, processTree, usageOf } from './process-tree.ts';
import { ask, endProcess, forkModule } from './processes.ts';

const CONNECTIONS = 1_000;
const BODY_BYTES = 100;
const PEER_NAMES = ['sockets', 'plimsoll', 'k6', 'artillery'];
const RATES = [2_000, 4_000, 8_000, 16_000, 32_000, 64_000];
const KEPT = 0.95;
const CONNECT_TIMEOUT_MS = 60_000;
const POLL_MS = 100;
const RESULT_PATH = join('.plimsoll', 'bench-peers.json');

interface Target {
  url: string;
  counts(): Promise<NullServerCounts>;
  stop(): Promise<void>;
}

const { quick, only } = readArguments();
const times = quick
  ? { settleMs: 1_500, warmUpMs: 1_000, measureMs: 1_500 }
  : { settleMs: 4_000, warmUpMs: 2_500, measureMs: 4_000 };
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
openDataDirectory();

try {
  const { tools, leftOut } = findPeers();
  const wanted = tools.filter(({ name }) => only.length === 0 || only.includes(name.toLowerCase()));
  for (const { name, how } of leftOut) console.log(`left out: ${name} is not installed (${how})`);
  const results: PeerFigures[] = [];
  for (const tool of wanted) {
    try {
      results.push(await measurePeer(tool));
    } catch (error) {
      // The others are measured all the same.
      console.error(`  ${tool.name} could not be measured: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
  report(
    results,
    leftOut.map(({ name }) => name),
  );
} catch (error) {
  console.error(`the benchmark broke: ${(error as Error).message}`);
  process.exitCode = 1;
}

async function measurePeer(tool: PeerTool): Promise<PeerFigures> {
  console.log(tool.name);
  const { few, many } = tool.idleConnections;
  const bytesOfFew = await measureIdle(tool, few);
  const bytesPerConnection = ((await measureIdle(tool, many)) - bytesOfFew) / (many - few);
  console.log(`  ${many} idle connections: ${(bytesPerConnection / 1_000).toFixed(1)} KB each`);

  const kept: Rated[] = [];
  const attempt = async (rate: number): Promise<boolean> => {
    const rated = await measureRate(tool, rate);
    const isKept = rated.perSecond >= rate * KEPT;
    console.log(
      `  ${rate}/s asked: ${Math.round(rated.perSecond)}/s, ${rated.micros.toFixed(1)} µs a message${isKept ? '' : ', not kept'}`,
    );
    if (isKept) kept.push(rated);
    return isKept;
  };
  let step = 0;
  while (step < RATES.length && (await attempt(RATES[step]!))) step++;
  // Half way, in the scale of doubling, between what was kept and what was not.
  if (step < RATES.length && !quick) await attempt(Math.round(RATES[step]! * Math.SQRT1_2));
  return { name: tool.name, bytesPerConnection, kept };
}

/** Resident bytes of the tool with so many idle connections. */
function measureIdle(tool: PeerTool, connections: number): Promise<number> {
  return withTool(tool, connections, 0, async (_target, usage) => {
    await sleep(times.settleMs);
    return usage(tool.connectionProcess).rssBytes;
  });
}

function measureRate(tool: PeerTool, rate: number): Promise<Rated> {
  return withTool(tool, CONNECTIONS, rate, async (target, usage) => {
    while ((await target.counts()).sends < rate / 2) await sleep(POLL_MS);
    await sleep(times.warmUpMs);
    const read = async () => ({
      ...(await target.counts()),
      cpuSeconds: usage(null).cpuSeconds,
      connectionSeconds: usage(tool.connectionProcess).cpuSeconds,
      atMs: performance.now(),
    });
    const from = await read();
    await sleep(times.measureMs);
    const to = await read();
    const messages = to.sends - from.sends;
    return {
      asked: rate,
      perSecond: (messages * 1_000) / (to.atMs - from.atMs),
      connectionMicros:
        tool.connectionProcess === null ? null : ((to.connectionSeconds - from.connectionSeconds) * 1e6) / messages,
      micros: ((to.cpuSeconds - from.cpuSeconds) * 1e6) / messages,
      acks: (to.acks - from.acks) / messages,
    };
  });
}

type Usage = (containing: string | null) => ProcessUsage;

/** Lets the tool connect, measures, and ends all that was started. */
async function withTool<Result>(
  tool: PeerTool,
  connections: number,
  rate: number,
  measure: (target: Target, usage: Usage) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(join(DATA_DIRECTORY, 'peers-'));
  const target = await (tool.speaks === 'binary' ? startBinaryTarget() : startJsonTarget());
  const child = tool.start({ target: target.url, connections, rate, bodyBytes: BODY_BYTES, directory });
  const ended = new Promise<never>((_, reject) => {
    const fail = (how: string): void => {
      reject(new Error(`${tool.name} ended early (${how}); it says why above`));
    };
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(signal ?? `code ${code}`));
  });
  ended.catch(() => {}); // Whoever awaits it hears of it.
  const usage: Usage = (containing) => usageOf(processTree(child.pid!, containing ?? undefined));
  try {
    const measured = opened(tool, target, connections).then(() => measure(target, usage));
    measured.catch(() => {}); // Nobody awaits it when the tool has ended.
    return await Promise.race([ended, measured]);
  } finally {
    killTree(child.pid);
    await target.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

async function opened(tool: PeerTool, target: Target, connections: number): Promise<void> {
  const deadline = performance.now() + CONNECT_TIMEOUT_MS;
  while ((await target.counts()).connections < connections) {
    if (performance.now() > deadline)
      throw new Error(`${tool.name} did not open ${connections} connections within a minute`);
    await sleep(POLL_MS);
  }
}

/** All that the tool started; nothing else descends from it. */
function killTree(pid: number | undefined): void {
  if (pid === undefined) return;
  for (const member of processTree(pid)) {
    try {
      process.kill(member, 'SIGKILL');
    } catch {
      // It has ended meanwhile.
    }
  }
}

async function startBinaryTarget(): Promise<Target> {
  const { target: url, counts, stop } = await forkNullServer();
  return { url, counts, stop };
}

async function startJsonTarget(): Promise<Target> {
  const child = forkModule('json-relay');
  const { port } = await ask<FromJsonRelay, 'listening'>(child, null, 'listening');
  return {
    url: `ws://127.0.0.1:${port}`,
    async counts() {
      if (!child.connected) throw new Error('the JSON relay is gone');
      return ask<FromJsonRelay, 'counts'>(child, { type: 'count' }, 'counts');
    },
    stop: () => endProcess(child),
  };
}

function report(results: PeerFigures[], leftOut: string[]): void {
  const figures = figuresOfPeers(results);
  const machine = describeMachine(true);
  const date = new Date().toISOString();
  console.log(`\n${tableOfPeers(results)}\n\n${tableOf(figures)}\n`);
  for (const note of PEER_NOTES) console.log(note);
  if (leftOut.length > 0) console.log(`Left out because not installed: ${leftOut.join(', ')}.`);
  if (quick) console.log('A quick run: shows that the benchmark works; its figures prove nothing.');
  const missed = figures.filter((figure) => isMet(figure) === false);
  if (missed.length > 0) console.log(`\nMISSED: ${missed.map(({ name }) => name).join('; ')}`);
  console.log(
    `\n${date} · ${machine.cores} cores, ${machine.cpu} · Node ${machine.node} · Linux ${machine.kernel} · target on this machine`,
  );
  mkdirSync('.plimsoll', { recursive: true });
  writeFileSync(RESULT_PATH, `${JSON.stringify({ date, quick, machine, results, figures, leftOut }, null, 2)}\n`);
  console.log(`also in ${RESULT_PATH}`);
}

function readArguments(): { quick: boolean; only: string[] } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { quick: { type: 'boolean', default: false } },
    });
    const unknown = positionals.filter((name) => !PEER_NAMES.includes(name));
    if (unknown.length > 0) throw new Error(`there is no ${unknown.join(', ')}; there are ${PEER_NAMES.join(', ')}`);
    return { ...values, only: positionals };
  } catch (error) {
    console.error((error as Error).message);
    process.exit(104);
  }
}
