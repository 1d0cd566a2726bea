/**
 * The stationary bootstrap of Politis & Romano, "The Stationary Bootstrap", Journal of the American Statistical Association
 * 89 (1994): a series of n seconds is resampled as blocks of neighbouring seconds, taken round in a circle, whose lengths are
 * geometric with mean b. So seconds that resemble their neighbours stay together, and the resample is as autocorrelated as
 * the series was. Pure.
 */
import type { Random } from '../../loadgen/random.ts';

/** Blocks of one resample: seconds `from[i]` up to `to[i]`, which is above n where a block goes round. */
export interface Blocks {
  length: number;
  from: Uint32Array;
  to: Uint32Array;
}

/** Room for a resample of `seconds`. */
export function roomForBlocks(seconds: number): Blocks {
  return { length: 0, from: new Uint32Array(seconds), to: new Uint32Array(seconds) };
}

/** Draws blocks of mean length `meanLength` (at least 1) until they hold `seconds` seconds; the last one is cut. */
export function drawBlocks(blocks: Blocks, seconds: number, meanLength: number, random: Random): void {
  // Geometric: P(length > k) = (1 − 1/b)^k.
  const rate = meanLength > 1 ? -1 / Math.log1p(-1 / meanLength) : 0;
  let filled = 0;
  let index = 0;
  while (filled < seconds) {
    const length = Math.min(1 + Math.floor(random.exponential(rate)), seconds - filled);
    const from = random.integer(seconds);
    blocks.from[index] = from;
    blocks.to[index] = from + length;
    index++;
    filled += length;
  }
  blocks.length = index;
}

/** Sum of a series over the blocks, from its running sums (`sums[i]` of the first i seconds). */
export function sumOverBlocks(sums: Float64Array, blocks: Blocks): number {
  const { from, to, length } = blocks;
  const seconds = sums.length - 1;
  const whole = sums[seconds]!;
  let total = 0;
  for (let i = 0; i < length; i++) {
    const end = to[i]!;
    total += (end <= seconds ? sums[end]! : whole + sums[end - seconds]!) - sums[from[i]!]!;
  }
  return total;
}

export function runningSums(series: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(series.length + 1);
  for (let i = 0; i < series.length; i++) sums[i + 1] = sums[i]! + series[i]!;
  return sums;
}

/**
 * Mean block length for a series, by Politis & White, "Automatic Block-Length Selection for the Dependent Bootstrap",
 * Econometric Reviews 23 (2004), as corrected by Patton, Politis & White, ibid. 28 (2009):
 *
 *   b = (2·G² ÷ D)^(1/3) · n^(1/3),  G = Σ λ(k/M)·|k|·R(k),  D = 2·(Σ λ(k/M)·R(k))²,  sums over k from −M to M,
 *
 * where R is the autocovariance, λ(t) = 1 up to |t| = 1/2 and falls to 0 at 1, and M is twice the lag after which
 * K = max(5, √log10 n) autocorrelations in a row are below 2·√(log10 n ÷ n).
 *
 * Never below n^(1/3), because a short series can hide its dependence, nor above n ÷ 6, because few blocks say little.
 */
export function blockLength(series: ArrayLike<number>): number {
  const n = series.length;
  const least = Math.max(1, n ** (1 / 3));
  const most = Math.max(1, n / 6);
  if (n < 8) return 1;
  const centred = centre(series);
  const inARow = Math.max(5, Math.ceil(Math.sqrt(Math.log10(n))));
  const furthest = Math.min(n - 1, Math.ceil(Math.sqrt(n)) + inARow);
  const covariance = Array.from({ length: furthest + 1 }, (_, lag) => autocovariance(centred, lag));
  if (!(covariance[0]! > 0)) return Math.min(least, most);
  const bound = 2 * Math.sqrt(Math.log10(n) / n) * covariance[0]!;
  let quiet = 0;
  let lastLoud = 0;
  for (let lag = 1; lag <= furthest && quiet < inARow; lag++) {
    quiet = Math.abs(covariance[lag]!) < bound ? quiet + 1 : 0;
    if (quiet === 0) lastLoud = lag;
  }
  const reach = Math.min(Math.max(2 * lastLoud, 2), furthest);
  let g = 0;
  let spectrum = covariance[0]!;
  for (let lag = 1; lag <= reach; lag++) {
    const weight = Math.min(1, 2 * (1 - lag / reach));
    g += 2 * weight * lag * covariance[lag]!;
    spectrum += 2 * weight * covariance[lag]!;
  }
  const chosen = spectrum > 0 ? ((g / spectrum) ** 2 * n) ** (1 / 3) : most;
  return Math.min(Math.max(chosen, least), most);
}

/**
 * How much of a mean's variance blocks of `meanLength` miss, as a factor of 1 or more, and how many independent seconds the
 * series is worth. Blocks cut the dependence at their ends, short ones of a strongly dependent series most. (The idea of
 * recolouring: Andrews & Monahan, Econometrica 60, 1992.)
 *
 * What a second is like is a level that wanders and the chance of its own samples on top, so autocorrelations fall as
 * s·φ^k (ARMA(1,1); Box & Jenkins, § 3.4): true variance 1 + 2s·φ ÷ (1 − φ) times that of independent seconds, of the
 * stationary bootstrap the same with φq in place of φ, q = 1 − 1 ÷ b. φ is the second autocorrelation over the first.
 *
 * Both are freed of their bias in short series: the first as an autoregression's, r = (n·r₁ + 1) ÷ (n − 3) (Kendall, Biometrika
 * 41, 1954); in their quotient both are too low by about (1 + 2r) ÷ n. φ is at least r, what it would be without the chance.
 */
export function dependence(series: ArrayLike<number>, meanLength: number): { missed: number; pieces: number } {
  const n = series.length;
  const centred = centre(series);
  const variance = autocovariance(centred, 0);
  if (n < 8 || !(variance > 0)) return { missed: 1, pieces: n / meanLength };
  const [first, second] = [autocovariance(centred, 1) / variance, autocovariance(centred, 2) / variance];
  const r = Math.min(Math.max((n * first + 1) / (n - 3), 0), PERSISTENCE_MOST);
  const bias = (1 + 2 * r) / n;
  const ratio = first + bias > 0 ? (second + bias) / (first + bias) : 0;
  const persistence = Math.min(Math.max(ratio, r), PERSISTENCE_MOST);
  const share = persistence > 0 ? r / persistence : 0;
  const stretched = (decay: number): number => 1 + (2 * share * decay) / (1 - decay);
  const stretch = stretched(persistence);
  const missed = stretch / stretched(persistence * (1 - 1 / meanLength));
  const blocks = n / meanLength;
  return { missed, pieces: Math.min(blocks, Math.max(n / stretch, PIECES_LEAST)) };
}

/**
 * A dozen seconds with a trend would seem to be worth one or two, and intervals of Student's t would span decades; with three
 * they hold the truth as often.
 */
const PIECES_LEAST = 3;

/** φ beyond this can't be told from 1 in the minutes that a run has: the factor would be any. */
const PERSISTENCE_MOST = 0.9;

function centre(series: ArrayLike<number>): Float64Array {
  let mean = 0;
  for (let i = 0; i < series.length; i++) mean += series[i]! / series.length;
  return Float64Array.from(series, (value) => value - mean);
}

function autocovariance(centred: Float64Array, lag: number): number {
  let sum = 0;
  for (let i = lag; i < centred.length; i++) sum += centred[i]! * centred[i - lag]!;
  return sum / centred.length;
}
