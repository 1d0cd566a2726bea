import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ClockLine, followTime, offsetOn } from '../clock.ts';
import { DRIFT, errorBound, OffsetEstimate, steer } from './clock-offset.ts';

const delay = fc.double({ min: 0, max: 500, noNaN: true });
/** Delays there and back, the pause before, and the drift of the clocks meanwhile as a share of what is allowed. */
const trip = fc.record({
  there: delay,
  back: delay,
  pauseMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
  drift: fc.double({ min: -1, max: 1, noNaN: true }),
});
const offset = fc.double({ min: -1e9, max: 1e9, noNaN: true });
/** Rounding of numbers of that size. */
const ROUNDING_MS = 1e-5;

/** A pair of clocks; theirs reads `theirMs`, ours is `offsetMs` ahead of it. */
function* clocks(start: number, trips: Array<{ there: number; back: number; pauseMs: number; drift: number }>) {
  let theirMs = 0;
  let offsetMs = start;
  const pass = (ms: number, drift: number): void => {
    theirMs += ms;
    offsetMs += ms * drift * DRIFT;
  };
  for (const { there, back, pauseMs, drift } of trips) {
    pass(pauseMs, drift);
    const sentMs = theirMs + offsetMs;
    pass(there, drift);
    const read = theirMs;
    pass(back, drift);
    yield { roundTrip: { sentMs, theirMs: read, receivedMs: theirMs + offsetMs }, theirMs, offsetMs };
  }
}

it('the true offset is always within the bound, whatever the delays of the two ways and the drift', () => {
  fc.assert(
    fc.property(offset, fc.array(trip, { minLength: 1, maxLength: 40 }), (start, trips) => {
      const estimate = new OffsetEstimate();
      for (const { roundTrip, theirMs, offsetMs } of clocks(start, trips)) {
        estimate.add(roundTrip);
        const { lowMs, highMs } = estimate.rangeAt(theirMs);
        expect(offsetMs).toBeGreaterThanOrEqual(lowMs - ROUNDING_MS);
        expect(offsetMs).toBeLessThanOrEqual(highMs + ROUNDING_MS);
      }
      expect(estimate.jumps).toBe(0);
    }),
  );
});

it('a clock that is steered stays within the bound that is told, never jumps and never runs backward', () => {
  fc.assert(
    fc.property(offset, fc.array(trip, { minLength: 1, maxLength: 40 }), (start, trips) => {
      const estimate = new OffsetEstimate();
      let line: ClockLine | null = null;
      let shown = Number.NEGATIVE_INFINITY;
      for (const { roundTrip, theirMs, offsetMs } of clocks(start, trips)) {
        if (line !== null) {
          const bound = errorBound(line, estimate, theirMs);
          expect(Math.abs(offsetOn(line, theirMs) - offsetMs)).toBeLessThanOrEqual(bound + ROUNDING_MS);
          expect(theirMs + offsetOn(line, theirMs)).toBeGreaterThanOrEqual(shown - ROUNDING_MS);
        }
        estimate.add(roundTrip);
        const next: ClockLine = steer(line, estimate, theirMs);
        if (line !== null) expect(offsetOn(next, theirMs)).toBeCloseTo(offsetOn(line, theirMs), 5);
        line = next;
        shown = theirMs + offsetOn(line, theirMs);
      }
    }),
  );
});

it('the bound is half of the best round trip, and grows with the time since', () => {
  const estimate = new OffsetEstimate();
  estimate.add({ sentMs: 1_000, theirMs: 50, receivedMs: 1_040 });
  estimate.add({ sentMs: 1_100, theirMs: 101, receivedMs: 1_102 });
  estimate.add({ sentMs: 1_200, theirMs: 250, receivedMs: 1_300 });
  const line = steer(null, estimate, 101);
  expect(line.offsetMs).toBeCloseTo(1_000, 6);
  expect(errorBound(line, estimate, 250)).toBeCloseTo(1.001 + 149 * DRIFT, 6);
  expect(errorBound(line, estimate, 10_250)).toBeCloseTo(1.001 + 10_149 * DRIFT, 6);
  expect(estimate.bestRoundTripMs).toBe(2);
});

it('a clock that was set is noticed, and known anew', () => {
  const estimate = new OffsetEstimate();
  estimate.add({ sentMs: 1_000, theirMs: 0, receivedMs: 1_002 });
  estimate.add({ sentMs: 2_000, theirMs: 500, receivedMs: 2_002 });
  expect(estimate.jumps).toBe(1);
  expect(estimate.rangeAt(500)).toEqual({ lowMs: 1_499.999, highMs: 1_502.001 });
});

it('clocks that follow the same line show the same time, also when one hears of it late', () => {
  let own = 0;
  const first = { fromMs: 0, untilMs: 0, offsetMs: 700, slope: 0 };
  const second = { fromMs: 1_000, untilMs: 5_000, offsetMs: 700, slope: 100e-6 };
  const early = followTime(first, () => own);
  const late = followTime(first, () => own);
  early.follow(second);
  own = 500;
  expect(early.nowMs()).toBe(1_200);
  own = 3_000;
  expect(early.nowMs()).toBeCloseTo(3_700.2, 6);
  expect(late.nowMs()).toBe(3_700);
  late.follow(second);
  expect(late.nowMs()).toBe(early.nowMs());
  own = 9_000;
  expect(early.nowMs()).toBeCloseTo(9_700.4, 6);
});
