/**
 * The crash test: a real node, devices that exchange messages over sockets all the time, and processes that are killed at
 * random moments. At the end every user's timeline is read over HTTP and held against what was acknowledged and seen.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, type Random } from '../../loadgen/random.ts';
import { DEFAULT_SETTINGS } from '../../server/config.ts';
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
/** A killed process is started again after a pause that grows to 5 s. */
const SUCCESSOR_TIMEOUT_MS = 6_000;

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
  const expectsLosses = options.powerCuts && options.durability === 'os';
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
    await crowd.calmDown(expectsLosses ? CALM_TIMEOUT_OF_LOSERS_MS : CALM_TIMEOUT_MS);
    const timelines = await readTimelines(node.url, [...crowd.record.users.keys()]);
    const totals = checkTimelines(crowd.record, timelines);
    const broken = crowd.record.problemCount > 0 && !expectsLosses;
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
    if (crowd.record.problemCount === 0 || expectsLosses) rmSync(folder, { recursive: true, force: true });
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
  if (kill.what === 'power' || kill.what === 'node' || kill.what === 'supervisor') {
    if (kill.what === 'supervisor') await node.killSupervisor();
    else await node.kill();
    if (kill.what === 'power') cuts!.cut(directory, random);
    await node.start();
    return 1;
  }
  if (kill.what === 'rolling') {
    killPid(node.pid, 'SIGHUP');
    await pause(kill.againAfterMs);
  }
  const seen = new Set(node.shardPids());
  const victims = random.shuffle([...seen]).slice(0, kill.what === 'two' ? 2 : 1);
  let count = 0;
  for (const pid of victims) count += Number(killPid(pid, 'SIGKILL'));
  const successors = kill.what === 'again' ? 1 : kill.what === 'takeover' ? DEFAULT_SETTINGS.takeoverAfterFailures : 0;
  for (let i = 0; i < successors; i++) {
    const pid = await successor(node, seen);
    if (pid === undefined) break;
    if (kill.what === 'again') await pause(kill.againAfterMs);
    count += Number(killPid(pid, 'SIGKILL'));
  }
  return count;
}

/** A shard process that was not there before, as soon as it is; undefined when none comes. */
async function successor(node: TortureNode, seen: Set<number>): Promise<number | undefined> {
  for (let waited = 0; waited < SUCCESSOR_TIMEOUT_MS; waited += 5) {
    const pid = node.shardPids().find((candidate) => !seen.has(candidate));
    if (pid !== undefined) {
      seen.add(pid);
      return pid;
    }
    await pause(5);
  }
  return undefined;
}

/** Until every user has a server. A process may have been given up; then others have its users. */
async function allUp(node: TortureNode): Promise<void> {
  const deadline = performance.now() + CALM_TIMEOUT_MS;
  for (;;) {
    const { volumesWithoutOwner } = await node.stats();
    if (volumesWithoutOwner.length === 0) return;
    if (performance.now() > deadline) throw new Error(`nobody serves volume(s) ${volumesWithoutOwner.join(', ')}`);
    await pause(50);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
