import { expect, it } from 'vitest';
import { sampleModel } from './sample-model.ts';
import { balanceSentences, shardBalance } from './shard-view.ts';

it('sets the shards side by side over the steady phase', () => {
  const balance = shardBalance(sampleModel())!;
  expect(balance.shards).toEqual(['shard-0', 'shard-1', 'shard-2']);
  expect(balance.measures.map(({ label }) => label)).toEqual([
    'Connections',
    'Messages',
    'CPU',
    'Memory',
    'Loop delay',
  ]);
  expect(balance.measures[0]!.values).toEqual([16_666, 16_667, 16_667]);
  expect(balanceSentences(balance)[0]).toMatch(/^Connections spread evenly: 16,666 to 16,667, the busiest shard .*%/);
});

it('says which load was uneven, and leaves out what a shard did not report', () => {
  const model = sampleModel();
  const half = model.gauges.connections!['shard-2']!.map(({ atMs, value }) => ({ atMs, value: value / 2 }));
  model.gauges.connections!['shard-2'] = half;
  delete model.gauges.server_messages;
  delete model.gauges.server_cpu!['shard-1'];
  const balance = shardBalance(model)!;
  expect(balanceSentences(balance)[0]).toMatch(
    /^Connections spread unevenly: 8,334 to 16,667, the busiest shard 20% above/,
  );
  expect(balance.measures.map(({ label }) => label)).not.toContain('Messages');
  expect(balance.measures.find(({ label }) => label === 'CPU')!.values[1]).toBeNull();
});

it('has nothing to compare with fewer than two shards', () => {
  const model = sampleModel();
  for (const sources of Object.values(model.gauges)) {
    delete sources['shard-1'];
    delete sources['shard-2'];
  }
  expect(shardBalance(model)).toBeNull();
});
