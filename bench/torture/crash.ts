/**
 * The crash test: a real node, devices that exchange messages over sockets all the time, and processes that are killed at
 * random moments. At the end every user's timeline is read over HTTP and held against what was acknowledged and seen.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, type Random } from '../../loadgen/random.ts';
import { checkTimelines } from './crash-check.ts';
import { CrashCrowd } from './crash-crowd.ts';
import { type Kill, planKills } from './crash-plan.ts';
import type { Problem } from './crash-record.ts';
import { readTimelines } from './history-reader.ts';
import { PowerCuts } from './power-cut.ts';
import { killPid, TortureNode } from './torture-node.ts';

export interface CrashOptions {
  seed: number;
  /** Processes to kill; with power cuts: cuts. */
  kills: number;
  durability: 'fsync' | 'os';
  /** Kill the whole node each time, and let what was not synced vanish before it starts again. */
  powerCuts: boolean;
  users?: number;
  messagesPerSecond?: number;
  /** Where data are put; removed unless something was wrong. */
  folder: string;
  say: (line: string) => void;
}

export interface CrashResult {
  kills: number;
  sent: number;
  acknowledged: number;
  groupMessages: number;
  entries: number;
  reconnects: number;
  refusals: string;
  /** By kind, only those that there are. */
  problems: Record<string, number>;
  examples: Problem[];
  bytesLost: number;
  seconds: number;
  /** Set when data were kept for a look. */
  directory: string | null;
}

const SHARDS = 3;
const CALM_TIMEOUT_MS = 60_000;
/** Where losses are expected, waiting for what is lost is in vain. */
const CALM_TIMEOUT_OF_LOSERS_MS = 8_000;
const SAY_EVERY_KILLS = 10;

export async function crashTest(options: CrashOptions): Promise<CrashResult> {
  const started = performance.now();
  const random = createRandom(options.seed);
  mkdirSync(options.folder, { recursive: true });
  const folder = mkdtempSync(join(options.folder, 'crash-'));
  const directory = join(folder, 'data');
  const cuts = options.powerCuts ? new PowerCuts(folder) : null;
  const environment = cuts?.environment ?? {};
  const node = new TortureNode({ directory, shards: SHARDS, durability: options.durability, environment });
  const crowd = new CrashCrowd({
    users: options.users ?? 24,
    prefix: 'u',
    messagesPerSecond: options.messagesPerSecond ?? 300,
    drops: true,
    router: () => node.url,
    random: random.fork('crowd'),
  });
  let killed = 0;
  let said = 0;
  try {
    await node.start();
    await crowd.start();
    for (const kill of planKills(random.fork('kills'), options.kills, options.powerCuts)) {
      await pause(kill.afterMs);
      killed += await perform(node, kill, cuts, directory, random.fork(`cut ${killed}`));
      if (killed >= said + SAY_EVERY_KILLS) {
        said = killed;
        options.say(
          `${killed} of ${options.kills} · ${crowd.acknowledged} acknowledged · ${crowd.record.problemCount} problems`,
        );
      }
      if (killed >= options.kills) break;
    }
    await allUp(node);
    await crowd.calmDown(
      options.durability === 'fsync' || !options.powerCuts ? CALM_TIMEOUT_MS : CALM_TIMEOUT_OF_LOSERS_MS,
    );
    const timelines = await readTimelines(node.url, [...crowd.record.users.keys()]);
    const totals = checkTimelines(crowd.record, timelines);
    const broken = crowd.record.problemCount > 0;
    return {
      ...totals,
      kills: killed,
      reconnects: crowd.reconnects,
      refusals: crowd.refusals,
      problems: Object.fromEntries(crowd.record.counts),
      examples: crowd.record.problems.slice(0, 20),
      bytesLost: cuts?.bytesLost ?? 0,
      seconds: (performance.now() - started) / 1_000,
      directory: broken ? directory : null,
    };
  } catch (error) {
    throw new Error(`${(error as Error).message}\nthe node's last words:\n${node.log.slice(-2_000)}`, { cause: error });
  } finally {
    await crowd.end();
    await node.stop();
    if (crowd.record.problemCount === 0) rmSync(folder, { recursive: true, force: true });
  }
}

/** Returns how many processes it has killed. */
async function perform(
  node: TortureNode,
  kill: Kill,
  cuts: PowerCuts | null,
  directory: string,
  random: Random,
): Promise<number> {
  if (kill.what === 'power') {
    await node.kill();
    cuts!.cut(directory, random);
    await node.start();
    return 1;
  }
  if (kill.what === 'node') {
    await node.kill();
    await node.start();
    return 1;
  }
  if (kill.what === 'supervisor') {
    await node.killSupervisor();
    await node.start();
    return 1;
  }
  const pids = random.shuffle(node.shardPids());
  let count = 0;
  for (const pid of pids.slice(0, kill.what === 'two' ? 2 : 1)) count += Number(killPid(pid, 'SIGKILL'));
  if (kill.what !== 'again') return count;
  // The one that takes its place, while it is starting.
  const others = new Set(pids);
  for (let waited = 0; waited < 3_000; waited += 5) {
    const fresh = node.shardPids().find((pid) => !others.has(pid));
    if (fresh !== undefined) {
      await pause(kill.againAfterMs);
      return count + Number(killPid(fresh, 'SIGKILL'));
    }
    await pause(5);
  }
  return count;
}

async function allUp(node: TortureNode): Promise<void> {
  const deadline = performance.now() + CALM_TIMEOUT_MS;
  for (;;) {
    const { shards } = await node.stats();
    if (shards.every(({ up }) => up)) return;
    if (performance.now() > deadline) throw new Error('a shard process did not come back');
    await pause(50);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
