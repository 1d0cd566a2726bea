import { expect, it } from 'vitest';
import type { AgentGroup } from './agent-group.ts';
import { MemoryProbe } from './memory-probe.ts';
import type { NodeWatch } from './node-watch.ts';

it.each([
  ['a cost', 1_000, 2_500_000, 2_500],
  ['too few connections to tell it from the noise', 400, 2_500_000, null],
  ['a difference within the noise', 1_000, 900_000, null],
  ['a heap that shrank', 1_000, -5_000_000, null],
])('%s', async (_what, connections, grownBytes, perConnection) => {
  const node = { shards: [], supervisor: { rssBytes: 50e6 } };
  const usage = { cpuSeconds: 0, rssBytes: 80e6, rssPeakBytes: 0 };
  const probe = new MemoryProbe();
  await probe.takeBaseline({ latest: node } as unknown as NodeWatch, { usage: () => usage } as unknown as AgentGroup);
  node.supervisor.rssBytes += grownBytes;
  probe.takeLoaded(connections);

  expect(probe.perConnection().server).toBe(perConnection);
  expect(probe.perConnection().generator).toBeNull();
  const servers = probe.gauges(0, false).filter(({ metric }) => metric.startsWith('server'));
  expect(servers.map(({ value }) => value)).toEqual(perConnection === null ? [] : [perConnection]);
});
