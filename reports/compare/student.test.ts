import { expect, it } from 'vitest';
import { normalQuantile, studentQuantile } from './student.ts';

it('quantiles of the normal distribution and of Student’s t are those of the tables', () => {
  expect(normalQuantile(0.05)).toBeCloseTo(1.959964, 5);
  expect(normalQuantile(0.0125)).toBeCloseTo(2.497705, 5);
  const table: Array<[alpha: number, freedom: number, quantile: number]> = [
    [0.05, 1, 12.7062],
    [0.05, 2, 4.302653],
    [0.05, 3, 3.182446],
    [0.05, 4, 2.776445],
    [0.05, 14, 2.144787],
    [0.05, 100, 1.983972],
    [0.01, 10, 3.169273],
  ];
  for (const [alpha, freedom, quantile] of table) expect(studentQuantile(alpha, freedom)).toBeCloseTo(quantile, 2);
});
