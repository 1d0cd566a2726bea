/**
 * By how much another host's monotonic clock differs from ours, and how far that can be wrong. Pure.
 *
 * A round trip (Cristian 1989; NTP, RFC 5905) bounds the offset without any assumption about its two ways: the other clock
 * was read while ours went from `sentMs` to `receivedMs`, so offset = ours − theirs lies from sentMs − theirMs to
 * receivedMs − theirMs. The clocks drift apart by at most DRIFT; so older bounds are widened by that and all are intersected
 * (Marzullo 1984). The shortest round trips decide.
 */
import { type ClockLine, offsetOn } from '../clock.ts';
import type { RoundTrip } from '../control/control-channel.ts';

/** Ours − theirs, ms: nowhere outside. */
export interface OffsetRange {
  lowMs: number;
  highMs: number;
}

/** Two quartz clocks drift apart by less: 50 parts per million each is what their makers guarantee. */
export const DRIFT = 100e-6;

/** Clocks are read to a microsecond. */
const READING_MS = 0.001;

/** A correction is spread over this time, so that the followed clock neither jumps nor runs backward. */
const STEER_MS = 4_000;
const MAX_SLOPE = 500e-6;

export class OffsetEstimate {
  #range: OffsetRange | null = null;
  /** Their clock, where #range holds. */
  #atMs = 0;
  /** Round trips that contradicted all before: a clock was set, stood still, or drifts by more than DRIFT. */
  jumps = 0;
  bestRoundTripMs = Number.POSITIVE_INFINITY;

  add({ sentMs, theirMs, receivedMs }: RoundTrip): void {
    this.bestRoundTripMs = Math.min(this.bestRoundTripMs, receivedMs - sentMs);
    const atMs = this.#range === null ? theirMs : Math.max(this.#atMs, theirMs);
    const known = this.rangeAt(atMs);
    const read = { lowMs: sentMs - theirMs - READING_MS, highMs: receivedMs - theirMs + READING_MS };
    const seen = widen(read, atMs - theirMs);
    const lowMs = Math.max(known.lowMs, seen.lowMs);
    const highMs = Math.min(known.highMs, seen.highMs);
    if (lowMs > highMs) this.jumps++;
    this.#range = lowMs > highMs ? seen : { lowMs, highMs };
    this.#atMs = atMs;
  }

  /** What is known of the offset when their clock shows `theirMs`; everything is possible before the first round trip. */
  rangeAt(theirMs: number): OffsetRange {
    if (this.#range === null) return { lowMs: Number.NEGATIVE_INFINITY, highMs: Number.POSITIVE_INFINITY };
    return widen(this.#range, Math.abs(theirMs - this.#atMs));
  }
}

/**
 * The line that their clock should follow from `theirMs` on, towards the middle of the range: at once when there was none
 * before, gently otherwise.
 */
export function steer(previous: ClockLine | null, estimate: OffsetEstimate, theirMs: number): ClockLine {
  const { lowMs, highMs } = estimate.rangeAt(theirMs);
  const middle = (lowMs + highMs) / 2;
  if (previous === null) return { fromMs: theirMs, untilMs: theirMs, offsetMs: middle, slope: 0 };
  const offsetMs = offsetOn(previous, theirMs);
  const slope = Math.max(-MAX_SLOPE, Math.min((middle - offsetMs) / STEER_MS, MAX_SLOPE));
  return { fromMs: theirMs, untilMs: theirMs + STEER_MS, offsetMs, slope };
}

/** How far a clock that follows `line` can be from ours when it shows `theirMs`. */
export function errorBound(line: ClockLine, estimate: OffsetEstimate, theirMs: number): number {
  const { lowMs, highMs } = estimate.rangeAt(theirMs);
  const offsetMs = offsetOn(line, theirMs);
  return Math.max(highMs - offsetMs, offsetMs - lowMs);
}

function widen({ lowMs, highMs }: OffsetRange, elapsedMs: number): OffsetRange {
  return { lowMs: lowMs - elapsedMs * DRIFT, highMs: highMs + elapsedMs * DRIFT };
}
