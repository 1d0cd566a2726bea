/** Quantiles of the normal distribution and of Student's t. Pure. */

/**
 * Two-sided quantile of Student's t: P(|T| > t) = `alpha`, `freedom` > 0 degrees of freedom, whole or not.
 * G. W. Hill, "Algorithm 396: Student's t-quantiles", Communications of the ACM 13 (1970); exact at 1 and 2.
 */
export function studentQuantile(alpha: number, freedom: number): number {
  if (freedom === 1) return 1 / Math.tan((alpha * Math.PI) / 2);
  if (freedom === 2) return Math.sqrt(2 / (alpha * (2 - alpha)) - 2);
  const n = Math.max(freedom, 1);
  const a = 1 / (n - 0.5);
  const b = (48 / a) * (1 / a);
  let c = ((20700 * a) / b - 98) * a - 16;
  c = c * a + 96.36;
  const d = ((94.5 / (b + c) - 3) / b + 1) * Math.sqrt((a * Math.PI) / 2) * n;
  let y = (d * alpha) ** (2 / n);
  if (y > 0.05 + a) {
    const x = -normalQuantile(alpha);
    y = x * x;
    if (n < 5) c += 0.3 * (n - 4.5) * (x + 0.6);
    c = (((0.05 * d * x - 5) * x - 7) * x - 2) * x + b + c;
    y = (((((0.4 * y + 6.3) * y + 36) * y + 94.5) / c - y - 3) / b + 1) * x;
    y = Math.expm1(a * y * y);
  } else {
    y =
      ((1 / (((n + 6) / (n * y) - 0.089 * d - 0.822) * (n + 2) * 3) + 0.5 / (n + 4)) * y - 1) * ((n + 1) / (n + 2)) +
      1 / y;
  }
  return Math.sqrt(n * y);
}

/** z with P(|Z| > z) = `alpha`. */
export function normalQuantile(alpha: number): number {
  // Halving on the tail, in which erfc is accurate: quick enough for what is asked a few times.
  let low = 0;
  let high = 40;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (twoSidedTail(middle) > alpha) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** P(|Z| > z) = erfc(z ÷ √2), relative error below 1.2e-7: Numerical Recipes, 2nd edition, § 6.2. */
function twoSidedTail(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const coefficients = [
    1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
  ];
  const polynomial = coefficients.reduceRight((sum, coefficient) => sum * t + coefficient, 0);
  return t * Math.exp(-x * x - 1.26551223 + t * polynomial);
}
