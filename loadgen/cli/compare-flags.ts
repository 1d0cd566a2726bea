/** Flags of `plimsoll compare`, read. Each slip is one sentence that names the flag. */
import type { Tolerance } from '../../reports/compare/comparison.ts';
import { FIGURES } from '../../reports/compare/estimate-figure.ts';
import { suggestion } from '../closest-name.ts';
import { TRENDS, type TrendName } from '../recorder/metrics.ts';
import { parseDuration } from '../units.ts';
import { UsageError } from './exit-codes.ts';

/** What users wait for; `send_slip` and service times are the instrument's own affair, shown when asked for. */
export const COMPARED_METRICS: readonly TrendName[] = TRENDS.filter(
  (name) => name !== 'send_slip' && !name.endsWith('_service'),
);

export const COMPARED_PERCENTILES = '50,90,95,99,99.9';

export const JUDGED_ROWS = 'delivery_latency:p50,delivery_latency:p99,sent_latency:p50,sent_latency:p99';

/** `5%`, `2ms`, or both: `5%,0.5ms`. */
export function readTolerance(written: string): Tolerance {
  const tolerance: Tolerance = { share: 0, ms: 0 };
  const complain = (): never => {
    throw new UsageError(`--tolerance must be a share like 5%, a time like 2ms, or both like 5%,2ms, not "${written}"`);
  };
  for (const part of parts('tolerance', written)) {
    const share = /^(\d+(?:\.\d+)?)%$/.exec(part);
    if (share !== null) tolerance.share = Number(share[1]) / 100;
    else if (/[a-zµ]$/.test(part)) tolerance.ms = durationOf(part) ?? complain();
    else complain();
  }
  if (tolerance.share >= 10)
    throw new UsageError(`--tolerance ${written} would let everything pass: give less than 1000%`);
  return tolerance;
}

/** Ascending, each once; above 0 and below 100. */
export function readPercentiles(written: string): number[] {
  const read = parts('percentiles', written).map((part) => {
    const value = /^p?\d+(\.\d+)?$/.test(part) ? Number(part.replace(/^p/, '')) : Number.NaN;
    if (value > 0 && value < 100) return value;
    const hint = value === 100 ? '; the maximum is one sample, of which nothing can be said' : '';
    throw new UsageError(`--percentiles must be numbers above 0 and below 100 like 50,99,99.9, not "${part}"${hint}`);
  });
  return [...new Set(read)].sort((a, b) => a - b);
}

export function readMetrics(written: string | undefined): readonly TrendName[] {
  if (written === undefined) return COMPARED_METRICS;
  return parts('metrics', written).map((part) => trendOf('--metrics', part));
}

/** `metric:p99`, or a figure's name. */
export function readJudged(written: string): Array<{ name: string; percent: number | null }> {
  const figures = FIGURES.map(({ name }) => name as string);
  return parts('judge', written).map((part) => {
    if (figures.includes(part)) return { name: part, percent: null };
    const [metric = '', percentile] = part.split(':');
    if (percentile === undefined)
      throw new UsageError(`--judge ${part} must be written metric:p99, or be one of ${figures.join(', ')}`);
    const percent = readPercentiles(percentile)[0]!;
    return { name: `${trendOf('--judge', metric)}:p${percent}`, percent };
  });
}

function trendOf(flag: string, name: string): TrendName {
  const found = TRENDS.find((each) => each === name);
  if (found === undefined) throw new UsageError(`${flag}: there is no latency "${name}"${suggestion(name, TRENDS)}`);
  return found;
}

function parts(flag: string, written: string): string[] {
  const found = written.split(',').map((part) => part.trim());
  if (found.includes('')) throw new UsageError(`--${flag} "${written}" has an empty part: write commas only between`);
  return found;
}

function durationOf(written: string): number | null {
  try {
    return parseDuration(written);
  } catch {
    return null;
  }
}
