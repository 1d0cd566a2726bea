import { describe, expect, it } from 'vitest';
import type { CheckedFault } from './fault.ts';
import { checkFaults, type FaultFacts } from './fault-check.ts';

const FACTS: FaultFacts = {
  embedded: true,
  localAgents: true,
  ownStore: true,
  store: 'level',
  connections: 1_000,
  shards: 1,
  may: { network: true, mount: true },
};

const ALL: CheckedFault[] = [
  { kind: 'kill-shard', at: 0, shard: 0 },
  { kind: 'freeze-shard', at: 0, for: 1, shard: 0 },
  { kind: 'cut-network', at: 0, for: 1 },
  { kind: 'delay-network', at: 0, for: 1, delay: 1, jitter: 0, loss: 0 },
  { kind: 'slow-consumers', at: 0, for: 1, share: 1 },
  { kind: 'half-open', at: 0, share: 1 },
  { kind: 'reconnect-storm', at: 0, share: 1 },
  { kind: 'message-store-outage', at: 0, for: 1 },
  { kind: 'results-store-outage', at: 0, for: 1 },
];

function refused(changes: Partial<FaultFacts>): string[] {
  return ALL.filter((fault) => {
    try {
      checkFaults([fault], { ...FACTS, ...changes });
      return false;
    } catch {
      return true;
    }
  }).map(({ kind }) => kind);
}

describe('faults that can be done', () => {
  it('all, where everything is there', () => {
    expect(refused({})).toEqual([]);
  });

  it.each<[string, Partial<FaultFacts>, string[]]>([
    [
      'a node elsewhere',
      { embedded: false },
      ['kill-shard', 'freeze-shard', 'cut-network', 'delay-network', 'message-store-outage'],
    ],
    ['agents elsewhere', { localAgents: false }, ['cut-network', 'delay-network']],
    ['no right to make networks', { may: { network: false, mount: true } }, ['cut-network', 'delay-network']],
    ['no right to mount', { may: { network: true, mount: false } }, ['message-store-outage']],
    ['a store in memory', { store: 'memory', ownStore: false }, ['message-store-outage']],
    ['a store of the user’s', { ownStore: false }, ['message-store-outage']],
    ['too many for one address', { connections: 26_000 }, ['cut-network', 'delay-network']],
  ])('%s', (_name, facts, expected) => {
    expect(refused(facts)).toEqual(expected);
  });

  it('not on a shard process that the node won’t have', () => {
    const fault: CheckedFault = { kind: 'kill-shard', at: 0, shard: 2 };
    expect(() => checkFaults([fault], { ...FACTS, shards: 3 })).not.toThrow();
    expect(() => checkFaults([fault], { ...FACTS, shards: 2 })).toThrow(
      'the fault kill-shard names shard 2, but the node has only shards 0 to 1',
    );
  });

  it('says which fault, why, and what to do, in one sentence', () => {
    expect(() => checkFaults(ALL, { ...FACTS, may: { network: false, mount: true } })).toThrow(
      /^the fault cut-network needs the right to make network namespaces \(CAP_NET_ADMIN .*\): run as root, or leave the fault out$/,
    );
    expect(() => checkFaults(ALL, { ...FACTS, embedded: false })).toThrow(
      'the fault kill-shard acts on processes of a node that the run starts itself: leave out --target',
    );
  });
});
