import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { APPLY_CHANGE_SCRIPT, type Change, changeOf, type Json } from './live-change.ts';

/** As the browser does: of text that came over the wire. */
function applied(before: Json, change: Change): Json {
  const script = `${APPLY_CHANGE_SCRIPT} JSON.stringify(changed(${JSON.stringify(before)}, ${JSON.stringify(change)}))`;
  return JSON.parse(runInNewContext(script) as string) as Json;
}

it('sends what a column gained, and nothing of what stayed', () => {
  const chart = (values: Array<number | null>) => ({ id: 'latency', series: [{ label: 'p50', values }] });
  expect(changeOf(chart([1, null, 3]), chart([1, null, 3]))).toBeNull();
  expect(changeOf(chart([1, null, 3]), chart([1, null, 4, 5]))).toEqual({
    at: { series: { at: { 0: { at: { values: { from: 2, tail: [4, 5] } } } } } },
  });
});

it('turns any state into any other', () => {
  const { json } = fc.letrec<{ json: Json; leaf: Json }>((tie) => ({
    leaf: fc.oneof(fc.constant(null), fc.boolean(), fc.integer({ min: 0, max: 3 }), fc.constantFrom('a', 'b')),
    json: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      tie('leaf'),
      fc.array(tie('json'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('x', 'y', 'z'), tie('json'), {
        maxKeys: 3,
        noNullPrototype: true,
      }) as fc.Arbitrary<Json>,
    ),
  }));
  fc.assert(
    fc.property(json, json, (before, after) => {
      const change = changeOf(before, after);
      expect(change === null ? before : applied(before, change)).toEqual(after);
    }),
    { numRuns: 500, seed: 5_665 },
  );
});

it('forgets what is gone', () => {
  const change = changeOf({ a: 1, empty: 'no samples' }, { a: 1, empty: undefined });
  expect(applied({ a: 1, empty: 'no samples' }, change!)).toEqual({ a: 1 });
});
