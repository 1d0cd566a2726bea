import { describe, expect, it } from 'vitest';
import { writeU64 } from './entry.ts';
import { InboundRecords } from './inbound-records.ts';

const SOURCE = 3;

function payload(number: number, previous: number): Buffer {
  const bytes = Buffer.alloc(17, 'x');
  writeU64(bytes, 0, number);
  writeU64(bytes, 8, previous);
  return bytes;
}

/** What becomes of records given as [number, previous]; `next` ones are applied. */
function arrive(inbound: InboundRecords, ...records: Array<[number, number]>): string[] {
  return records.map(([number, previous]) => {
    const { kind } = inbound.arrive(SOURCE, payload(number, previous));
    if (kind === 'next') inbound.applied(SOURCE, number);
    return kind;
  });
}

describe('records of a source', () => {
  it('are taken in order, and known when they come again', () => {
    const inbound = new InboundRecords(new Map());
    expect(arrive(inbound, [101, 0], [102, 101], [101, 0], [103, 102])).toEqual(['next', 'next', 'repeat', 'next']);
  });

  it('are not taken before the one that they follow, whatever was or was not applied before', () => {
    for (const applied of [0, 100]) {
      const inbound = new InboundRecords(new Map(applied === 0 ? [] : [[SOURCE, applied]]));
      // 101 was dropped on the way.
      expect(arrive(inbound, [102, 101], [103, 102])).toEqual(['later', 'later']);
      expect(arrive(inbound, [101, 0], [102, 101], [103, 102])).toEqual(['next', 'next', 'next']);
    }
  });

  it('go on with another numbering, and not before the end of the old one', () => {
    const inbound = new InboundRecords(new Map([[SOURCE, 100]]));
    expect(arrive(inbound, [5_001, 102], [101, 0], [102, 101], [5_001, 102], [9_001, 0])).toEqual([
      'later',
      'next',
      'next',
      'next',
      'next',
    ]);
  });

  it('wait behind one that can’t be applied yet, without a hole', () => {
    const inbound = new InboundRecords(new Map());
    const first = inbound.arrive(SOURCE, payload(101, 0));
    expect(first.kind).toBe('next');
    const waiting = inbound.hold(SOURCE, 101, Buffer.from('x'));
    expect(arrive(inbound, [103, 102], [102, 101], [101, 0], [104, 103], [103, 102])).toEqual(Array(5).fill('later'));
    expect(waiting.map(({ number }) => number)).toEqual([101, 102, 103]);
  });
});
