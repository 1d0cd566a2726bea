/**
 * How long until the last of 1,000 online members of a group, spread over all shards, has a message, at 20 messages a second;
 * and what that costs users outside the group. LevelDB with fsync.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DATA_DIRECTORY } from './bench-data.ts';
import type { BenchOptions, BenchResult } from './bench-run.ts';
import { type Figure, spreadOf, type Target } from './figure.ts';
import type { FromGroupClient, GroupMeasured, GroupOptions } from './group-client.ts';
import { ask, cpuSecondsOf, endProcess, forkModule, startNode } from './processes.ts';

const SHARDS = 3;
const LOAD: Omit<GroupOptions, 'target'> = {
  members: 1_000,
  messagesPerSecond: 20,
  pairs: 50,
  pairMessagesPerSecond: 1,
  bodyBytes: 100,
};
const TARGET_MS = 50;

export async function measureGroupFanout({ quick, say }: BenchOptions): Promise<BenchResult> {
  const rounds = quick ? 1 : 3;
  const seconds = quick ? 5 : 30;
  const alone: GroupMeasured[] = [];
  const fanouts: Array<GroupMeasured & Costs> = [];
  for (let round = 0; round < rounds; round++) {
    const [without, measured] = await measureRound(seconds);
    alone.push(without);
    fanouts.push(measured);
    say(
      `round ${round + 1}/${rounds}  last receiver p50 ${ms(percentile(measured.lastReceiverMs, 0.5))}, ` +
        `p99 ${ms(percentile(measured.lastReceiverMs, 0.99))} over ${measured.sent} messages, ` +
        `server ${measured.serverMicros.toFixed(1)} µs, client ${measured.clientMicros.toFixed(1)} µs a delivery; ` +
        `others p99 ${ms(percentile(measured.pairMs, 0.99))}, without the group ${ms(percentile(without.pairMs, 0.99))}`,
    );
  }
  const of = (name: string, unit: string, target: Target, values: number[]): Figure => ({
    name,
    unit,
    target,
    measured: spreadOf(values),
  });
  const over = (
    all: GroupMeasured[],
    which: 'lastReceiverMs' | 'firstReceiverMs' | 'pairMs',
    share: number,
  ): number[] => all.map((measured) => percentile(measured[which], share));
  return {
    figures: [
      of(
        'group of 1,000 online: last receiver p99',
        ' ms',
        { atMost: TARGET_MS },
        over(fanouts, 'lastReceiverMs', 0.99),
      ),
      of('group of 1,000 online: last receiver p50', ' ms', null, over(fanouts, 'lastReceiverMs', 0.5)),
      of('group of 1,000 online: first receiver p50', ' ms', null, over(fanouts, 'firstReceiverMs', 0.5)),
      of(
        'group of 1,000 online: server CPU a delivery',
        ' µs',
        null,
        fanouts.map(({ serverMicros }) => serverMicros),
      ),
      of(
        'group of 1,000 online: client CPU a delivery',
        ' µs',
        null,
        fanouts.map(({ clientMicros }) => clientMicros),
      ),
      of('users outside the group: p99 meanwhile', ' ms', null, over(fanouts, 'pairMs', 0.99)),
      of('users outside the group: p99 without it', ' ms', null, over(alone, 'pairMs', 0.99)),
      of(
        'group deliveries lost, duplicated, out of order',
        '',
        { atMost: 0 },
        fanouts.map(({ lost, duplicated, reordered }) => lost + duplicated + reordered),
      ),
    ],
    notes: [
      `Group fan-out: ${SHARDS} shard processes, one client process, ${LOAD.messagesPerSecond} messages/s to ` +
        `${LOAD.members} members for ${seconds} s, ${LOAD.pairs} pairs beside it; latency from the intended send.`,
    ],
  };
}

/** CPU a delivery of a group message, everything that belongs to it (acknowledgements, pairs), µs. */
interface Costs {
  serverMicros: number;
  clientMicros: number;
}

/** The pairs alone, then the same with the group. */
async function measureRound(seconds: number): Promise<[GroupMeasured, GroupMeasured & Costs]> {
  const directory = await mkdtemp(join(DATA_DIRECTORY, 'group-'));
  const node = await startNode({
    host: '127.0.0.1',
    shards: SHARDS,
    store: { kind: 'level', directory },
    durability: 'fsync',
    authSecret: null,
  });
  const client = forkModule('group-client');
  try {
    const options = { ...LOAD, target: node.target };
    await ask<FromGroupClient, 'connected'>(client, { type: 'connect', options }, 'connected');
    const measure = (withGroup: boolean, lasting: number) =>
      ask<FromGroupClient, 'measured'>(client, { type: 'measure', seconds: lasting, withGroup }, 'measured');
    // Warm code and warm caches on both sides.
    await measure(true, Math.min(seconds, 5));
    const alone = await measure(false, seconds / 2);
    const cpuSeconds = () => [node.pids.reduce((sum, pid) => sum + cpuSecondsOf(pid), 0), cpuSecondsOf(client.pid!)];
    const before = cpuSeconds();
    const measured = await measure(true, seconds);
    const [server, load] = cpuSeconds().map(
      (after, i) => ((after - before[i]!) * 1e6) / (measured.sent * LOAD.members),
    );
    return [alone, { ...measured, serverMicros: server!, clientMicros: load! }];
  } finally {
    await endProcess(client);
    await node.stop();
    await rm(directory, { recursive: true });
  }
}

/** Of sorted values; the value at or above which the share lies (nearest rank). */
function percentile(sorted: number[], share: number): number {
  if (sorted.length === 0) throw new Error('nothing arrived');
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
