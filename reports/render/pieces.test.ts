import { expect, it } from 'vitest';
import { modelOf, START_MS } from './interval-fixtures.suite.ts';
import { loadAhead, piecesOf } from './pieces.ts';

it('pieces reach from the first second with a latency over the last', () => {
  const model = modelOf(['sent_latency', 'delivery_latency']);
  const point = model.percentiles.sent_latency![0]!;
  model.percentiles.delivery_latency = [
    { ...point, atMs: START_MS + 5_000 },
    { ...point, atMs: START_MS + 300_000 },
  ];
  const [first, second, ...more] = piecesOf(model);
  expect(first).toEqual({ fromMs: START_MS, toMs: START_MS + 300_000 });
  expect(second!.fromMs).toBe(first!.toMs);
  expect(more).toEqual([]);
  model.percentiles.delivery_latency[1]!.atMs += 299_000;
  expect(piecesOf(model)).toHaveLength(2);
  expect(piecesOf({ ...model, stepSeconds: 2 })).toHaveLength(3);
  expect(piecesOf(modelOf([]))).toEqual([]);
});

it('one is loaded while the one before is used, and no more', async () => {
  const begun: number[] = [];
  const load = async (item: number): Promise<number> => begun.push(item) && item * 10;
  const seen: unknown[] = [];
  for await (const { loaded } of loadAhead([1, 2, 3, 4], load)) seen.push([loaded, [...begun]]);
  expect(seen).toEqual([
    [10, [1, 2]],
    [20, [1, 2, 3]],
    [30, [1, 2, 3, 4]],
    [40, [1, 2, 3, 4]],
  ]);
});

it('a load that fails ends it with its reason', async () => {
  const load = async (item: number): Promise<number> => {
    if (item === 2) throw new Error('gone');
    return item;
  };
  const all = async (): Promise<void> => {
    for await (const _ of loadAhead([1, 2, 3], load));
  };
  await expect(all()).rejects.toThrow('gone');
});
