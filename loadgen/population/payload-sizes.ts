/** How many bytes a message has: always the same, lognormal as texts are, or drawn from sizes that somebody measured. */
import { MESSAGE_BYTES_MAX, MESSAGE_BYTES_MIN } from '../../scenarios/scenario-schema.ts';
import type { Random } from '../random.ts';

/**
 * - `constant`: `bytes`.
 * - `lognormal`: half of the messages are below `medianBytes`; ln(size) has deviation `sigma` (0.5 narrow, 1 wide); none is above
 *   `maxBytes`: longer ones are cut to it.
 * - `samples`: one of `bytes`, each equally often.
 */
export type PayloadSpec =
  | { kind: 'constant'; bytes: number }
  | { kind: 'lognormal'; medianBytes: number; sigma: number; maxBytes: number }
  | { kind: 'samples'; bytes: readonly number[] };

/**
 * Draws sizes: whole bytes, 36 (what the sending agent writes into each message) to 65,536; smaller and larger ones are raised and cut
 * to these. Throws RangeError for sizes that are not numbers above 0, a negative sigma, or no samples.
 */
export function createPayloadSizes(spec: PayloadSpec, random: Random): () => number {
  check(spec);
  if (spec.kind === 'constant') {
    const bytes = clamped(spec.bytes, MESSAGE_BYTES_MAX);
    return () => bytes;
  }
  if (spec.kind === 'samples') {
    const sizes = Uint32Array.from(spec.bytes, (bytes) => clamped(bytes, MESSAGE_BYTES_MAX));
    return () => sizes[random.integer(sizes.length)]!;
  }
  const mu = Math.log(spec.medianBytes);
  const most = clamped(spec.maxBytes, MESSAGE_BYTES_MAX);
  return () => clamped(random.lognormal(mu, spec.sigma), most);
}

/**
 * The mean of what `createPayloadSizes` draws, raising, cutting and rounding included. For whole sizes S from a to b,
 * E[S] = a + Σ P(S > k) over k = a … b − 1, and a lognormal size is rounded above k when it is at least k + ½. Throws RangeError likewise.
 */
export function meanPayloadBytes(spec: PayloadSpec): number {
  check(spec);
  if (spec.kind === 'constant') return clamped(spec.bytes, MESSAGE_BYTES_MAX);
  if (spec.kind === 'samples')
    return spec.bytes.reduce((sum, bytes) => sum + clamped(bytes, MESSAGE_BYTES_MAX), 0) / spec.bytes.length;
  const most = clamped(spec.maxBytes, MESSAGE_BYTES_MAX);
  if (spec.sigma === 0) return clamped(spec.medianBytes, most);
  const mu = Math.log(spec.medianBytes);
  let mean = MESSAGE_BYTES_MIN;
  for (let k = MESSAGE_BYTES_MIN; k < most; k++) mean += normalTail((Math.log(k + 0.5) - mu) / spec.sigma);
  return mean;
}

function clamped(bytes: number, most: number): number {
  return Math.round(Math.min(most, Math.max(MESSAGE_BYTES_MIN, bytes)));
}

/**
 * P(Z > z) of a standard normal, relative error below 1.2e-7: erfc by the Chebyshev fit of Press et al., Numerical Recipes,
 * "Incomplete gamma function, error function".
 */
function normalTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const series = ERFC.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  const erfc = t * Math.exp(-x * x + series);
  return z >= 0 ? erfc / 2 : 1 - erfc / 2;
}

const ERFC = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
];

function check(spec: PayloadSpec): void {
  const sizes = spec.kind === 'lognormal' ? [spec.medianBytes, spec.maxBytes] : [spec.bytes].flat();
  const wrong = sizes.find((bytes) => !(bytes > 0 && Number.isFinite(bytes)));
  if (wrong !== undefined) throw new RangeError(`a payload must have a number of bytes above 0, not ${wrong}`);
  if (sizes.length === 0) throw new RangeError('there are no samples of payload sizes to draw from');
  if (spec.kind === 'lognormal' && !(spec.sigma >= 0 && spec.sigma <= 10))
    throw new RangeError(`the sigma of payload sizes must be from 0 to 10, not ${spec.sigma}`);
}
