/**
 * An offered rate over time, piecewise linear, with its exact integral and the inverse of that integral.
 *
 * With rate λ(t), Λ(t) = ∫₀ᵗ λ is the number of events expected up to t. Every sequence of fire times is a sequence of
 * event counts put through Λ⁻¹ (time change; Çınlar 1975 for the Poisson case), so one inverse serves constant rates, ramps
 * and random arrivals alike.
 */

/** The rate goes linearly from `fromRate` to `toRate` (events/s, ≥ 0) within `durationMs`. */
export interface RateStage {
  fromRate: number;
  toRate: number;
  durationMs: number;
}

export interface RateCurve {
  readonly durationMs: number;
  /** Events over the whole curve. */
  readonly total: number;
  /** Events/s at a time; 0 outside the curve. */
  rateAt(ms: number): number;
  /** Events expected from the start to a time. */
  eventsUntil(ms: number): number;
  /** The earliest time, ms from the start, by which this many events are expected; Infinity for more than `total`. */
  timeOf(events: number): number;
}

/** Throws RangeError for a negative or non-finite rate or duration. */
export function createRateCurve(stages: readonly RateStage[]): RateCurve {
  let startMs = 0;
  let before = 0;
  const pieces = stages.map((stage) => {
    check(stage);
    const events = ((stage.fromRate + stage.toRate) / 2) * (stage.durationMs / 1000);
    const piece = { ...stage, startMs, before, events };
    startMs += stage.durationMs;
    before += events;
    return piece;
  });
  const durationMs = startMs;
  const total = before;
  // Fire times ask in ascending order: remembering the last piece makes each answer constant time.
  let last = 0;

  return {
    durationMs,
    total,
    rateAt(ms) {
      const piece = pieces.find((p) => ms >= p.startMs && ms < p.startMs + p.durationMs);
      return piece ? piece.fromRate + ((piece.toRate - piece.fromRate) * (ms - piece.startMs)) / piece.durationMs : 0;
    },
    eventsUntil(ms) {
      if (ms >= durationMs) return total;
      const piece = pieces.findLast((p) => ms >= p.startMs);
      if (!piece || piece.durationMs === 0) return piece?.before ?? 0;
      const seconds = (ms - piece.startMs) / 1000;
      const slope = (piece.toRate - piece.fromRate) / (piece.durationMs / 1000);
      return piece.before + piece.fromRate * seconds + (slope * seconds * seconds) / 2;
    },
    timeOf(events) {
      if (!(events <= total)) return Number.POSITIVE_INFINITY;
      if (pieces.length === 0) return 0;
      if (events <= pieces[last]!.before) last = 0;
      while (last < pieces.length - 1 && events > pieces[last]!.before + pieces[last]!.events) last += 1;
      const piece = pieces[last]!;
      return piece.startMs + Math.min(piece.durationMs, inverseMs(piece, Math.max(0, events - piece.before)));
    },
  };
}

/**
 * The t that solves a·t + s·t²/2 = n, in the form without cancellation: t = 2n ÷ (a + √(a² + 2·s·n)).
 */
function inverseMs(stage: RateStage, events: number): number {
  const slope = (stage.toRate - stage.fromRate) / (stage.durationMs / 1000);
  const root = Math.sqrt(Math.max(0, stage.fromRate * stage.fromRate + 2 * slope * events));
  const divisor = stage.fromRate + root;
  // 0 only for no events at the start of a ramp from 0.
  return divisor > 0 ? (2000 * events) / divisor : 0;
}

function check(stage: RateStage): void {
  for (const name of ['fromRate', 'toRate', 'durationMs'] as const) {
    if (!Number.isFinite(stage[name]) || stage[name] < 0) {
      throw new RangeError(`a rate stage needs a finite ${name} of 0 or more, not ${stage[name]}`);
    }
  }
}
