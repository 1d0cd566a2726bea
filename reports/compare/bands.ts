/** How sure each point of a percentile distribution is. Pure. */
import type { Random } from '../../loadgen/random.ts';
import type { TrendSeconds } from '../run-seconds.ts';
import { estimateTrend } from './estimate-trend.ts';
import { intervalOf } from './interval.ts';
import { SAMPLES_BEYOND_LEAST } from './judge.ts';

export interface Band {
  /** 1 ÷ (1 − p) of each point, ascending from 1. */
  x: number[];
  /** ms. */
  low: number[];
  high: number[];
}

const POINTS_PER_DECADE = 4;
const RESAMPLES = 200;

/** 95% at each point, as far as there are samples beyond it; no points with fewer than 20 samples. */
export function bandOf(trends: readonly TrendSeconds[], random: Random): Band {
  const count = trends.reduce((sum, { counts }) => sum + counts.reduce((total, each) => total + each, 0), 0);
  const furthest = count / SAMPLES_BEYOND_LEAST;
  if (furthest < 2) return { x: [], low: [], high: [] };
  const points = Math.ceil(Math.log10(furthest) * POINTS_PER_DECADE);
  const x = Array.from({ length: points + 1 }, (_, index) => furthest ** (index / points));
  // Nothing lies below 0%: the first point stands for a small share instead.
  const percents = x.map((each) => Math.max(0.1, 100 * (1 - 1 / each)));
  const { estimates } = estimateTrend(trends, percents, RESAMPLES, random);
  const intervals = estimates.map((estimate) => intervalOf(estimate, 0.05, 1));
  return { x, low: intervals.map(({ low }) => low / 1000), high: intervals.map(({ high }) => high / 1000) };
}
