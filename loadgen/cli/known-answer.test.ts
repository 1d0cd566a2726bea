/**
 * The known-answer test of the method: the server is frozen for one second in a run at constant rate. With r messages/s, about
 * r of them must be reported late, by 0 to 1 s, uniformly. A generator that waits for answers before it sends on, or measures
 * from the actual send, would hide it.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { RunSummary, TrendMetric } from '../recorder/summary.ts';
import { Workspace } from '../testing/command-line.ts';

const RATE = 200;
const FREEZE_MS = 1_000;
const LATE_MS = 50;

let workspace: Workspace;
beforeAll(() => {
  workspace = new Workspace();
});
afterAll(() => workspace.close());

it('reports a freeze of one second as what it was', { timeout: 90_000 }, async () => {
  const node = workspace.start(['serve', '--port', '0', '--shards', '1', '--store', 'memory:', '--dev', '--json']);
  const [, port] = await node.until(/"port":(\d+)/);
  const target = `ws://127.0.0.1:${port}`;
  writeFileSync(
    join(workspace.directory, 'freeze.mjs'),
    `export default { name: 'freeze', description: 'd', question: 'q', badSign: 'b', connections: 200,
      load: { rate: ${RATE}, arrivals: 'constant' }, phases: { warmUp: '1s', steady: '8s', drain: '5s' } };`,
  );
  const run = workspace.start(['run', 'freeze.mjs', '-t', target, '--agents', '1', '--summary-json', 's.json']);
  await run.until(/^steady/m);
  const shard = await shardPid(target);
  // The first seconds of the phase stay undisturbed.
  await new Promise((done) => setTimeout(done, 2_000));
  process.kill(shard, 'SIGSTOP');
  await new Promise((done) => setTimeout(done, FREEZE_MS));
  process.kill(shard, 'SIGCONT');
  const { code } = await run.finished;
  expect(code).toBe(0);

  const summary = workspace.summary('s.json');
  expect(summary.ledger).toMatchObject({ lost: 0, duplicated: 0, reordered: 0, pending: 0 });
  for (const metric of ['delivery_latency', 'sent_latency'] as const) {
    const late = lateValues(summary, metric);
    // r·1 s messages fell into the freeze; those of its last 50 ms are not counted as late.
    const expected = (RATE * (FREEZE_MS - LATE_MS)) / 1_000;
    expect(late.length, metric).toBeGreaterThan(expected * 0.85);
    expect(late.length, metric).toBeLessThan(expected * 1.2);
    const longest = late.at(-1)!;
    expect(longest).toBeGreaterThan(FREEZE_MS * 0.95);
    expect(longest).toBeLessThan(FREEZE_MS * 1.3);
    // Kolmogorov–Smirnov distance to the uniform distribution between the shortest and the longest.
    const distance = Math.max(
      ...late.map((value, i) => Math.abs((i + 1) / late.length - (value - LATE_MS) / (longest - LATE_MS))),
    );
    expect(distance, `${metric} is not uniform`).toBeLessThan(0.12);
  }
});

async function shardPid(target: string): Promise<number> {
  const response = await fetch(`${target.replace('ws', 'http')}/v1/stats`);
  const { shards } = (await response.json()) as { shards: Array<{ stats: { pid: number } | null }> };
  return shards[0]!.stats!.pid;
}

/** Values above 50 ms, ascending, ms; one for each sample. */
function lateValues(summary: RunSummary, name: string): number[] {
  const metric = summary.results.metrics.find((candidate) => candidate.name === name) as TrendMetric;
  const histogram = decodeFromCompressedBase64(metric.histogram);
  const values: number[] = [];
  const total = histogram.totalCount;
  for (let i = 0; i < total; i++) {
    const value = histogram.getValueAtPercentile(((i + 0.5) / total) * 100) / 1_000;
    if (value > LATE_MS) values.push(value);
  }
  return values;
}
