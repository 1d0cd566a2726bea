/** Slopes with their uncertainty. Pure. */

export interface Slope {
  /** Per second. */
  perSecond: number;
  lower95: number;
  upper95: number;
}

/**
 * Least-squares slope of `values` against `seconds`, with its 95% interval (normal approximation, residual variance with
 * n − 2 degrees of freedom). Null for fewer than 5 points.
 */
export function slopeOf(seconds: readonly number[], values: readonly number[]): Slope | null {
  const n = seconds.length;
  if (n < 5) return null;
  const meanX = mean(seconds);
  const meanY = mean(values);
  let xx = 0;
  let xy = 0;
  for (let i = 0; i < n; i++) {
    xx += (seconds[i]! - meanX) ** 2;
    xy += (seconds[i]! - meanX) * (values[i]! - meanY);
  }
  if (xx === 0) return null;
  const slope = xy / xx;
  let residual = 0;
  for (let i = 0; i < n; i++) residual += (values[i]! - meanY - slope * (seconds[i]! - meanX)) ** 2;
  const margin = 1.96 * Math.sqrt(residual / (n - 2) / xx);
  return { perSecond: slope, lower95: slope - margin, upper95: slope + margin };
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
