import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TimelinePosition } from './timeline-position.ts';

test('is the end of what was seen without a gap, in whatever order and however often', () => {
  fc.assert(
    fc.property(fc.nat(5), fc.array(fc.integer({ min: 1, max: 20 })), (after, seen) => {
      const position = new TimelinePosition();
      position.start(after);
      const known = new Set(Array.from({ length: after }, (_, i) => i + 1));
      for (const seq of seen) {
        position.advance(seq);
        known.add(seq);
        let end = 0;
        while (known.has(end + 1)) end++;
        expect(position.value).toBe(end);
        expect(position.unacknowledged).toBe(end - after);
      }
    }),
  );
});

test('a reset forgets what was seen beyond, and never acknowledges', () => {
  const position = new TimelinePosition();
  position.start(4);
  position.advance(7);
  position.reset(5);
  position.advance(6);
  expect([position.value, position.acknowledged]).toEqual([6, 4]);
  expect([position.acknowledge(), position.unacknowledged]).toEqual([6, 0]);
  position.reset(2);
  expect([position.value, position.acknowledged]).toEqual([2, 2]);
});
