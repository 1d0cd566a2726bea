import { expect, it } from 'vitest';
import { faultRemarks } from './fault-remarks.ts';

const PHASES = { warmUpMs: 5_000, steadyMs: 30_000 };

it('nothing is to be said of a fault with time before and after', () => {
  expect(faultRemarks([{ kind: 'freeze-shard', at: 10_000, for: 4_000, shard: 0 }], PHASES)).toEqual([]);
  expect(faultRemarks([{ kind: 'kill-shard', at: 0, shard: 0 }], PHASES)).toEqual([]);
});

it('one that comes too soon, or too late, or lasts too long, is named', () => {
  expect(faultRemarks([{ kind: 'kill-shard', at: 1_000, shard: 0 }], { ...PHASES, warmUpMs: 0 })).toEqual([
    'kill-shard at 1s comes 1s after the load begins: too soon to know what is normal',
  ]);
  expect(faultRemarks([{ kind: 'kill-shard', at: 28_000, shard: 0 }], PHASES)).toEqual([
    'kill-shard at 28s leaves 2s to recover in; a run that has not recovered fails',
  ]);
  expect(faultRemarks([{ kind: 'cut-network', at: 10_000, for: 25_000 }], PHASES)).toEqual([
    'cut-network at 10s would outlast the steady phase, with which it ends',
    'cut-network at 10s leaves 0s to recover in; a run that has not recovered fails',
  ]);
});
