/**
 * A live node under hostile connections, while others exchange messages: no process may end, no memory may grow, the others
 * must not notice, and every connection that breaks the protocol must be closed with a code.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../loadgen/random.ts';
import { CLOSES } from '../../server/protocol/errors.ts';
import { logicalShard, volumeTable } from '../../server/shard-map.ts';
import { checkTimelines } from './crash-check.ts';
import { CrashCrowd } from './crash-crowd.ts';
import { type Attack, anyAttack } from './fuzz-attack.ts';
import { anyNames, pick } from './fuzz-frames.ts';
import { attackOver, type Outcome } from './fuzz-socket.ts';
import { readTimelines } from './history-reader.ts';
import { TortureNode } from './torture-node.ts';

export interface ShardFuzzOptions {
  seed: number;
  frames: number;
  folder: string;
  say: (line: string) => void;
}

export interface ShardFuzzResult {
  frames: number;
  connections: number;
  /** By how they ended: `answering`, `cut`, or a close code. */
  ends: Record<string, number>;
  witnesses: { messages: number; reconnects: number; p50Ms: number; p99Ms: number; mostMs: number };
  /** Anonymous memory of all shard processes, MB: after a fifth of the frames, and at the end. */
  memoryMb: { warm: number; end: number };
  problems: string[];
  seconds: number;
}

const SHARDS = 2;
const AT_ONCE = 32;
const FUZZ_USERS = 200;
const GROUPS = 20;
/** What a process may have gained between a fifth of the way and the end: garbage not yet collected, LevelDB's buffers. */
const GROWTH_MOST_MB = 96;
const WITNESS_P99_MOST_MS = 1_000;
const PROBLEMS_KEPT = 20;
const SAY_EVERY_FRAMES = 100_000;
const CALM_TIMEOUT_MS = 30_000;
/** Beyond any head: the stream starts at the end, and what nobody acknowledges is not sent at every connect. */
const AT_THE_END = `${Number.MAX_SAFE_INTEGER}`;
const CODES: number[] = [CLOSES.malformed.code, CLOSES.tooLarge.code];

export async function fuzzShard(options: ShardFuzzOptions): Promise<ShardFuzzResult> {
  const started = performance.now();
  const random = createRandom(options.seed);
  mkdirSync(options.folder, { recursive: true });
  const folder = mkdtempSync(join(options.folder, 'fuzz-'));
  const node = new TortureNode({ directory: join(folder, 'data'), shards: SHARDS, durability: 'os' });
  const crowd = new CrashCrowd({
    users: 12,
    // Nothing that a flipped bit could make of another name.
    prefix: 'undisturbed-',
    messagesPerSecond: 100,
    drops: false,
    router: () => node.url,
    random: random.fork('crowd'),
  });
  const result: ShardFuzzResult = {
    frames: 0,
    connections: 0,
    ends: {},
    witnesses: { messages: 0, reconnects: 0, p50Ms: 0, p99Ms: 0, mostMs: 0 },
    memoryMb: { warm: 0, end: 0 },
    problems: [],
    seconds: 0,
  };
  const problem = (text: string): void => {
    if (result.problems.length < PROBLEMS_KEPT) result.problems.push(text);
  };
  try {
    await node.start();
    await crowd.start();
    const ports = (await node.stats()).shards.map(({ port }) => port);
    const pids = node.shardPids();
    const table = volumeTable(SHARDS);
    const attacks = random.fork('attacks');
    const names = { ...anyNames(attacks, false) };
    const known = {
      user: () => (attacks.integer(20) === 0 ? names.user() : `f${attacks.integer(FUZZ_USERS)}`),
      group: () => (attacks.integer(20) === 0 ? names.group() : `fg${attacks.integer(GROUPS)}`),
    };
    const attackSome = async (): Promise<void> => {
      while (result.frames < options.frames && result.problems.length < PROBLEMS_KEPT) {
        const attack = anyAttack(attacks, known);
        const before = result.frames;
        result.frames += attack.frames;
        const sent = result.frames;
        result.connections++;
        const user = `f${attacks.integer(FUZZ_USERS)}`;
        const port = ports[table[logicalShard(user)]!]!;
        const after = attacks.integer(30) === 0 ? pick(attacks, [null, '0', '1', '-1', 'x', '1e9']) : AT_THE_END;
        const outcome = await attackOver({ port, user, after }, attack);
        const end = outcome.end === 'closed' ? `${outcome.code}` : outcome.end;
        result.ends[end] = (result.ends[end] ?? 0) + 1;
        const wrong = complaint(attack, outcome, after);
        if (wrong !== null) problem(`${wrong}: ${attack.about.slice(0, 400)}`);
        if (passes(before, sent, options.frames / 5)) result.memoryMb.warm ||= memoryMb(pids);
        if (passes(before, sent, SAY_EVERY_FRAMES))
          options.say(`${sent} frames · ${result.connections} connections · ${memoryMb(pids)} MB`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, attackSome));

    await crowd.calmDown(CALM_TIMEOUT_MS);
    result.memoryMb.end = memoryMb(pids);
    const timelines = await readTimelines(node.url, [...crowd.record.users.keys()]);
    const totals = checkTimelines(crowd.record, timelines);
    result.witnesses = {
      messages: totals.acknowledged,
      reconnects: crowd.reconnects,
      ...latencies(crowd.record.latenciesMs),
    };
    for (const { kind, text } of crowd.record.problems) problem(`an undisturbed user: ${kind}: ${text}`);
    if (crowd.reconnects > 0) problem(`${crowd.reconnects} connections of undisturbed users were lost`);
    if (result.witnesses.p99Ms > WITNESS_P99_MOST_MS)
      problem(`undisturbed users waited ${result.witnesses.p99Ms} ms for their answers (p99)`);
    if (`${node.shardPids()}` !== `${pids}` || (await node.stats()).shards.some(({ restarts }) => restarts > 0))
      problem(`a shard process ended: ${node.log.slice(-2_000)}`);
    const growth = result.memoryMb.end - result.memoryMb.warm;
    if (growth > GROWTH_MOST_MB * SHARDS) problem(`memory grew by ${growth} MB over ${SHARDS} processes`);
    result.seconds = (performance.now() - started) / 1_000;
    return result;
  } catch (error) {
    throw new Error(`${(error as Error).message}\nthe node's last words:\n${node.log.slice(-2_000)}`, { cause: error });
  } finally {
    await crowd.end();
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function complaint(attack: Attack, outcome: Outcome, after: string | null): string | null {
  if (attack.expect === 'any') return null;
  const expected = after === '-1' || after === 'x' ? 'coded' : attack.expect;
  if (outcome.end === 'silent') return 'no answer and no close';
  if (expected === 'open') return outcome.end === 'answering' ? null : `sound, but ${describe(outcome)}`;
  return outcome.end === 'closed' && CODES.includes(outcome.code) ? null : `malformed, but ${describe(outcome)}`;
}

function describe(outcome: Outcome): string {
  return outcome.end === 'closed' ? `closed with ${outcome.code}` : outcome.end;
}

/** Whether a multiple of `step` lies in (before, after]. */
function passes(before: number, after: number, step: number): boolean {
  return Math.floor(before / step) < Math.floor(after / step);
}

/** What the processes hold in memory themselves (RssAnon): files that LevelDB maps are the page cache's. */
function memoryMb(pids: number[]): number {
  let kilobytes = 0;
  for (const pid of pids) {
    try {
      kilobytes += Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      // It is dead, which is found out elsewhere.
    }
  }
  return Math.round(kilobytes / 1_000);
}

function latencies(all: number[]): { p50Ms: number; p99Ms: number; mostMs: number } {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10;
  return { p50Ms: at(0.5), p99Ms: at(0.99), mostMs: Math.round(sorted.at(-1) ?? 0) };
}
